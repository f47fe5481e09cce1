"""The ledger in memory: the reference for what the port promises, and what unit tests run on."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from inventory.domain.errors import IdempotencyConflict
from inventory.domain.events import Delivery, Event
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import State, fold
from inventory.domain.values import EntityId, Instant, ItemId
from inventory.service.pages import page_of_records, page_of_reservations, page_of_stores, read_sku, snapshot_of
from inventory.service.ports.change_queue import Decide, Settled, Submission
from inventory.service.ports.stock_reads import (
    LONGEST,
    LedgerStatus,
    Page,
    PageRequest,
    ReservationRequest,
    SkuStock,
    StockSnapshot,
    StoreSummary,
)
from inventory.service.quotas import sizes_of
from inventory.service.transaction import Batch, Writer

DEFAULT_WRITER = Writer("memory", key_ttl_ms=3_600_000)


def wall_clock() -> Instant:
    """The system's time of day."""
    return Instant(time.time_ns() // 1000)


class MemoryHistory:
    """Implements ``EventHistory`` on a list of all events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def latest(self) -> int:
        """See ``EventHistory.latest``."""
        return len(self._events)

    def withheld(self) -> None:
        """See ``EventHistory.withheld``: everything is durable here."""

    def before_doubt(self, item: ItemId) -> None:
        """See ``EventHistory.before_doubt``."""

    def earliest(self, *, archived: bool) -> int:
        """See ``EventHistory.earliest``: nothing is ever compacted here."""
        return 1

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """See ``EventHistory.events``."""
        return self._events[first - 1 : first - 1 + limit]


class MemoryLedger:
    """Keeps events in a list. Everything is durable for as long as the process lives."""

    def __init__(self, writer: Writer = DEFAULT_WRITER, now: Callable[[], Instant] = wall_clock) -> None:
        self._writer = writer
        self._now = now
        self._mutex = threading.RLock()
        self._state = State()
        self.events: list[Event] = []
        self.history = MemoryHistory(self.events)

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Settled:
        with self._mutex:
            now = max(self._now(), self._state.last_at)
            self._state.forget(now, self._writer.hold_keep_ms)
            batch = self._batch(now)
            try:
                outcome = batch.run(entities, decide, key)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for this ticket
                return Settled(error)
            for event in batch.events:
                self.events.append(event)
                fold(self._state, event, event.sequence - 1)
            return Settled(outcome)

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Settled]:
        with self._mutex:
            if key is not None:
                keys = [key, *[change.key for change in changes]]
                try:
                    self._batch(max(self._now(), self._state.last_at)).require_unused(keys)
                except IdempotencyConflict as error:
                    return [Settled(error)] * len(changes)
            return [self.submit(*change) for change in changes]

    def _batch(self, now: Instant) -> Batch:
        return Batch(self._state, now, self._writer, read_event=self.events.__getitem__, synced=self._state.sequence)

    def queue_depth(self) -> int:
        return 0

    def record(self, item: ItemId) -> Record | None:
        return self._state.record(item)

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return read_sku(self._still, sku, page, 0)

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return self.records_of_sku(sku, page)

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        with self._mutex:
            return page_of_stores(self._state, page)

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        with self._mutex:
            return page_of_records(self._state, store, page)

    def reservation(self, reservation_id: str) -> Hold | None:
        return self._state.reservation(reservation_id)

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        return page_of_reservations(self._still, request)

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        with self._mutex:
            return self._state.reservations.due(self._now(), limit, self._state.broken)

    def snapshot(self) -> StockSnapshot:
        with self._mutex:
            return snapshot_of(self._state)

    def status(self) -> LedgerStatus:
        sequence = self._state.sequence
        return LedgerStatus(sequence, sequence, None, dict(self._state.broken), None, sizes_of(self._state))

    def close(self) -> None:
        """Nothing to let go of."""

    @contextmanager
    def _still(self) -> Iterator[State]:
        with self._mutex:
            yield self._state
