"""The ledger in memory: the reference implementation of the port, for unit tests."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from inventory.domain.events import Delivery, Event
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import LedgerIds, State, fold
from inventory.domain.values import EntityId, Instant, ItemId
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.change_overlay import EventStamp
from inventory.service.committing_thread import CallersQueue, CommitQueue
from inventory.service.in_memory_group import StateGroup
from inventory.service.ports.change_queue import Decide, Submission, Ticket
from inventory.service.ports.group_store import QueuedChanges
from inventory.service.ports.health import BrokenItem, Engine, LedgerStatus
from inventory.service.ports.stock_reads import (
    LONGEST,
    Page,
    PageRequest,
    ReservationRequest,
    SkuStock,
    StoreSummary,
)
from inventory.service.quotas import sizes_of
from inventory.service.sequential_history import SequentialHistory
from inventory.service.state_pages import (
    StockCopy,
    broken_of,
    page_of_records,
    page_of_reservations,
    page_of_stores,
    read_sku,
)

DEFAULT_STAMP = EventStamp("memory", key_ttl_ms=3_600_000)


def wall_clock() -> Instant:
    """The wall clock of the host."""
    return Instant(time.time_ns() // 1000)


class MemoryHistory(SequentialHistory):
    """Implements ``EventHistory`` on a list of all events and their fold."""

    def __init__(self, events: Sequence[Event], state: State) -> None:
        self._events = events
        self._state = state

    def latest(self) -> int:
        """See ``EventHistory.latest``."""
        return len(self._events)

    def ids(self) -> LedgerIds:
        """See ``EventHistory.ids``."""
        # The fold sets the sequence last.
        return self._state.ids if self._state.sequence else LedgerIds()

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


class MemoryGroupStore:
    """Implements ``GroupStore`` on a state and a list. Its lock is a mutex, and everything written is durable."""

    def __init__(
        self, state: State, events: list[Event], stamp: EventStamp, now: Callable[[], Instant], mutex: threading.RLock
    ) -> None:
        self._state = state
        self._events = events
        self._stamp = stamp
        self._now = now
        self._mutex = mutex

    @property
    def durable(self) -> int:
        """See ``GroupStore.durable``."""
        return self._state.sequence

    def exclusive(self) -> AbstractContextManager[None]:
        """See ``GroupStore.exclusive``."""
        return self._exclusive()

    def begin(self, queued: Sequence[QueuedChanges]) -> StateGroup:
        """See ``GroupStore.begin``."""
        self.idle()
        return StateGroup(self._state, self._now(), self._events.__getitem__, durable=self._state.sequence)

    def write(self, group: StateGroup) -> None:
        """See ``GroupStore.write``."""
        for event in group.events:
            self._events.append(event)
            fold(self._state, event, event.sequence - 1)

    def ensure(self, sequence: int) -> None:
        """See ``GroupStore.ensure``: there is nothing to wait for."""

    def idle(self) -> None:
        """See ``GroupStore.idle``."""
        with self._mutex:
            self._state.forget(self._now(), self._stamp.hold_keep_ms)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._mutex:
            yield


class MemoryLedger:
    """Keeps events in a list. Everything is durable for as long as the process lives."""

    engine = Engine("memory", 0)

    def __init__(
        self,
        stamp: EventStamp = DEFAULT_STAMP,
        now: Callable[[], Instant] = wall_clock,
        *,
        with_thread: bool = False,
        wait_ms: int = 60_000,
    ) -> None:
        """
        :param with_thread: whether a thread commits, as in other engines; without one each caller does.
        :param wait_ms: COMMIT_WAIT_MS, long by default: nothing here waits for a disk.
        """
        self._now = now
        self._mutex = threading.RLock()
        self._state = State()
        self.events: list[Event] = []
        self.history = MemoryHistory(self.events, self._state)
        store = MemoryGroupStore(self._state, self.events, stamp, self.now, self._mutex)
        self.changes = (CommitQueue if with_thread else CallersQueue)(store, stamp, wait_ms)
        self.changes.start()

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        return self.changes.submit(entities, decide, key, weight)

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        return self.changes.submit_all(changes, key)

    def queue_depth(self) -> int:
        return self.changes.queue_depth()

    def guard(self, breaker: CircuitBreaker) -> None:
        self.changes.guard(breaker)

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

    @contextmanager
    def walk(self) -> Iterator[StockCopy]:
        with self._mutex:
            stock = StockCopy(self._state)
        yield stock

    def status(self) -> LedgerStatus:
        sequence = self._state.sequence
        state = self._state
        return LedgerStatus(sequence, sequence, None, len(state.broken), None, sizes_of(state), state.ids)

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        with self._mutex:
            return broken_of(self._state, limit)

    def now(self) -> Instant:
        return self._now()

    def close(self) -> None:
        """Finish what was submitted."""
        self.changes.close()

    @contextmanager
    def _still(self) -> Iterator[State]:
        with self._mutex:
            yield self._state
