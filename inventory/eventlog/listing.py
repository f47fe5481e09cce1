"""Pages and copies of a state. The caller holds whatever lock guards the fold."""

from inventory.domain.errors import StoreNotFound
from inventory.domain.record import Record
from inventory.domain.reservation import Reservation
from inventory.domain.state import State
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.service.ledger import Page, PageRequest, ReservationRequest, StockSnapshot, StoreSummary

_LOOKED_AT = 2000
"""Reservations looked at for one page: nothing is folded meanwhile."""


def page_of_stores(state: State, request: PageRequest) -> Page[StoreSummary]:
    """Stores by id."""
    names = state.store_names.after(request.after, request.limit + 1, request.prefix)
    found = [StoreSummary(name, len(state.skus_of_store[name])) for name in names[: request.limit]]
    return Page(found, _next_after(names, request.limit), state.sequence)


def page_of_records(state: State, store: str, request: PageRequest) -> Page[Record]:
    """A store's records by SKU.

    :raises StoreNotFound: no event has named the store.
    """
    skus = state.skus_of_store.get(store)
    if skus is None:
        raise StoreNotFound(store)
    names = skus.after(request.after, request.limit + 1, request.prefix)
    found = [state.records[ItemId(StoreId(store), Sku(name))] for name in names[: request.limit]]
    return Page(found, _next_after(names, request.limit), state.sequence)


def page_of_reservations(state: State, request: ReservationRequest) -> Page[Reservation]:
    """Reservations in the order they were made; of those looked at, the ones that are asked for."""
    ids = state.reservations.after(request.after, _LOOKED_AT)
    found: list[Reservation] = []
    last = request.after
    for reservation_id in ids:
        reservation = state.reservations.get(reservation_id)
        if reservation is None:
            continue
        if len(found) == request.limit:
            return Page(found, str(last), state.sequence)
        last = reservation.created
        if _is_asked_for(reservation, request):
            found.append(reservation)
    return Page(found, str(last) if len(ids) == _LOOKED_AT else None, state.sequence)


def _is_asked_for(reservation: Reservation, request: ReservationRequest) -> bool:
    return (
        request.state in (None, reservation.state)
        and request.reference in (None, reservation.reference)
        and any(
            request.store in (None, line.item.store) and request.sku in (None, line.item.sku)
            for line in reservation.lines
        )
    )


def snapshot_of(state: State) -> StockSnapshot:
    """A copy of the dicts of immutable records: cheap, and nothing that is folded later shows in it."""
    return StockSnapshot(state.sequence, dict(state.records), dict(state.items_of_sku))


def _next_after(names: list[str], limit: int) -> str | None:
    return names[limit - 1] if len(names) > limit else None
