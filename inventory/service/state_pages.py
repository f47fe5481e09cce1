"""Pages and copies of a state. The lock that guards the fold is held for a bounded number of steps at a time."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import islice
from typing import TypeAlias, TypeVar

from inventory.domain.errors import StoreNotFound
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.sku_stock import SkuReading, WideSku, totals_of
from inventory.domain.state import State
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.service.ports.health import BrokenItem
from inventory.service.ports.stock_reads import (
    Page,
    PageRequest,
    ReservationRequest,
    SkuRecords,
    SkuStock,
    StoreSummary,
)

T = TypeVar("T")
Still: TypeAlias = Callable[[], AbstractContextManager[State]]
"""Gives the state, which does not change in the ``with`` block: the fold waits."""

AT_ONCE = 500
"""Records that are looked up while the fold waits."""
_LOOKED_AT = 2000
"""Reservations examined for one page."""
_LINES_LOOKED_AT = 50_000
"""Of their lines."""
READ_AT_ONCE = 200
"""Ended reservations of one page, whose lines must be read from the log."""


def page_of_stores(state: State, request: PageRequest) -> Page[StoreSummary]:
    """Stores by id. The caller holds the lock that guards the fold."""
    names = state.store_names.after(request.after, request.limit + 1, request.prefix)
    found = [StoreSummary(name, len(state.skus_of_store[name])) for name in names[: request.limit]]
    return Page(found, _next_after(names, request.limit), state.sequence)


def page_of_records(state: State, store: str, request: PageRequest) -> Page[Record]:
    """The records of a store by SKU. The caller holds the lock that guards the fold.

    :raises StoreNotFound: no event has named the store.
    """
    skus = state.skus_of_store.get(store)
    if skus is None:
        raise StoreNotFound(store)
    names = skus.after(request.after, request.limit + 1, request.prefix)
    found = [state.records[ItemId(StoreId(store), Sku(name))] for name in names[: request.limit]]
    return Page(found, _next_after(names, request.limit), state.sequence)


def read_sku(still: Still, sku: str, request: PageRequest, lag_ms: int) -> SkuStock:
    """One SKU over all stores, as of one event, although changes continue between the parts of the read."""
    with still() as state:
        wide = state.wide.get(sku)
        if wide is None:
            records = [state.records[item] for item in state.items_of_sku.get(sku, ())]
            return _few(sku, records, request, state.sequence, lag_ms)
        as_of, totals, reading = state.sequence, wide.totals, SkuReading()
        wide.readings.append(reading)
    try:
        # One more than requested, to know whether there is one.
        records = list(islice(_records(still, wide, Sku(sku), request.after, as_of, reading), request.limit + 1))
    finally:
        with still():
            wide.readings.remove(reading)
    shown = records[: request.limit]
    return SkuStock(sku, totals, shown, _next_store(records, request.limit), as_of, lag_ms)


def _few(sku: str, records: list[Record], request: PageRequest, as_of: int, lag_ms: int) -> SkuStock:
    after = request.after or ""
    found = sorted(record for record in records if record.item.store > after)
    shown = found[: request.limit]
    return SkuStock(sku, totals_of(records), shown, _next_store(found, request.limit), as_of, lag_ms)


def _records(
    still: Still, wide: WideSku, sku: Sku, after: str | None, as_of: int, reading: SkuReading
) -> Iterable[Record]:
    """The records of a SKU by store, as they were after the event ``as_of``."""
    while True:
        with still() as state:
            names = wide.stores.after(after, AT_ONCE)
            found = [state.records[ItemId(StoreId(name), sku)] for name in names]
            # A record that has changed since is taken as it was before, or left out if it did not exist.
            then = [reading.before.get(one.item.store) if one.sequence > as_of else one for one in found]
        yield from (record for record in then if record is not None)
        if len(names) < AT_ONCE:
            return
        after = names[-1]


def page_of_reservations(still: Still, request: ReservationRequest) -> Page[Hold]:
    """Reservations in the order of their creation; of those examined, the requested ones."""
    with still() as state:
        as_of, ids = state.sequence, state.reservations.after(request.after, _LOOKED_AT)
        looked_at = state.reservations.copy(ids)
    found: list[Hold] = []
    last, lines, to_read = request.after, 0, 0
    for hold in looked_at:
        wanted, is_open = _is_asked_for(hold, request), isinstance(hold, Reservation)
        is_read = wanted and request.reads_lines and not is_open
        to_read += is_read
        if len(found) == request.limit or lines >= _LINES_LOOKED_AT or to_read > READ_AT_ONCE:
            return Page(found, str(last), as_of)
        last = hold.created
        lines += hold.line_count if is_open or is_read else 1
        if wanted:
            found.append(hold)
    return Page(found, str(last) if len(ids) == _LOOKED_AT else None, as_of)


def _is_asked_for(hold: Hold, request: ReservationRequest) -> bool:
    return (
        request.state in (None, hold.state)
        and request.reference in (None, hold.reference)
        and (not isinstance(hold, Reservation) or request.names(hold))
    )


class StockCopy:
    """Implements ``StockWalk`` on a copy of the dicts of immutable records: cheap, and later events do not affect it.

    It is made while the caller holds the lock that guards the fold.
    """

    def __init__(self, state: State) -> None:
        self.as_of_sequence = state.sequence
        self._records = dict(state.records)
        self._items_of_sku = state.central()
        # In the order of the log. Lists, so that a part does not iterate over the earlier parts again.
        self._in_order: list[Record] = []
        self._skus: list[str] = []

    def records(self, after: str | None, limit: int) -> Page[Record]:
        """See ``StockWalk.records``."""
        self._in_order = self._in_order or list(self._records.values())
        begin = int(after or 0)
        return self._part(self._in_order[begin : begin + limit], begin + limit, len(self._in_order))

    def skus(self, after: str | None, limit: int) -> Page[SkuRecords]:
        """See ``StockWalk.skus``."""
        self._skus = self._skus or list(self._items_of_sku)
        begin = int(after or 0)
        found = [
            SkuRecords(sku, [self._records[item] for item in sorted(self._items_of_sku[sku])])
            for sku in self._skus[begin : begin + limit]
        ]
        return self._part(found, begin + limit, len(self._skus))

    def _part(self, items: list[T], end: int, many: int) -> Page[T]:
        return Page(items, str(end) if end < many else None, self.as_of_sequence)


def broken_of(state: State, limit: int) -> list[BrokenItem]:
    """See ``LedgerHealth.broken``. The caller holds the lock that guards the fold."""
    found = [BrokenItem(item, at) for item, at in state.broken.items()]
    return sorted(found, key=lambda one: (one.at.sequence, one.item))[:limit]


def _next_after(names: list[str], limit: int) -> str | None:
    return names[limit - 1] if len(names) > limit else None


def _next_store(records: list[Record], limit: int) -> str | None:
    return records[limit - 1].item.store if len(records) > limit else None
