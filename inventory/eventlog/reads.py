"""The reads of the port on one process's fold. Nobody is told of what is not durable."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import State
from inventory.domain.values import Instant, ItemId
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.listing import page_of_records, page_of_reservations, page_of_stores, read_sku, snapshot_of
from inventory.eventlog.replica import Replica
from inventory.service.ledger import (
    LONGEST,
    Page,
    PageRequest,
    ReservationRequest,
    SkuStock,
    StockSnapshot,
    StoreSummary,
)


class ReplicaReads:
    """See ``Ledger``. Each read adopts what is published, and waits until what it tells is durable."""

    def __init__(self, replica: Replica, durability: Durability, now: Callable[[], Instant]) -> None:
        self._replica = replica
        self._durability = durability
        self._clock = now

    def record(self, item: ItemId) -> Record | None:
        self._adopt()
        record = self._replica.state.record(item)
        if record is not None:
            self._durability.ensure(record.sequence)
        return record

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return self.central_stock(sku, page)

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        # Not left to the committing thread, which may be waiting for the disk.
        self._adopt()
        stock = read_sku(self._still, sku, page, self._replica.lag_ms())
        self._durability.ensure(stock.as_of_sequence)
        return stock

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        self._adopt()
        with self._still() as state:
            found = page_of_stores(state, page)
        self._durability.ensure(found.as_of_sequence)
        return found

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        self._adopt()
        with self._still() as state:
            found = page_of_records(state, store, page)
        self._durability.ensure(found.as_of_sequence)
        return found

    def snapshot(self) -> StockSnapshot:
        self._adopt()
        with self._still() as state:
            snapshot = snapshot_of(state)
        self._durability.ensure(snapshot.as_of_sequence)
        return snapshot

    def reservation(self, reservation_id: str) -> Hold | None:
        self._adopt()
        reservation = self._replica.state.reservation(reservation_id)
        if reservation is not None:
            self._durability.ensure(reservation.sequence)
        return reservation

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        self._adopt()
        found = page_of_reservations(self._still, request)
        self._durability.ensure(found.as_of_sequence)
        return found

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        self._adopt()
        with self._still() as state:
            return state.reservations.due(self._clock(), limit, state.broken)

    def _adopt(self) -> None:
        try:
            self._replica.adopt()
        except (LogError, OSError) as error:
            raise unreadable(error) from error

    @contextmanager
    def _still(self) -> Iterator[State]:
        try:
            with self._replica.still() as state:
                yield state
        except (LogError, OSError) as error:
            raise unreadable(error) from error
