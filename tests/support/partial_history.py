"""A ledger in memory whose history may be partly deleted, and a clock that only sleeping advances."""

from collections.abc import Callable, Sequence

from inventory.domain.events import Event
from inventory.domain.state import State, fold
from inventory.memory.ledger import MemoryHistory, MemoryLedger
from inventory.service.history import HistoryService
from inventory.service.ports.event_history import EventsGone
from support.given import Clock, adding, item

HERE, THERE = item("sku-1"), item("sku-2")


class PartOfHistory(MemoryHistory):
    """Events of which the first ones are compacted, or deleted from the archive too.

    :ivar on_read: called before each read.
    """

    def __init__(self, events: Sequence[Event], state: State) -> None:
        super().__init__(events, state)
        self.compacted = self.deleted = 0
        self.on_read: Callable[[], None] = lambda: None

    def earliest(self, *, archived: bool) -> int:
        return 1 + (self.deleted if archived else self.compacted)

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        self.on_read()
        earliest = self.earliest(archived=archived)
        if first < earliest:
            raise EventsGone(earliest)
        return super().events(first, limit, archived=archived)


class Ledger(MemoryLedger):
    """A ledger that takes events as they are, and whose history may be partly gone."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(now=clock)
        self.clock = clock
        self.part = self.history = PartOfHistory(self.events, self._state)

    def has(self, event: Event) -> None:
        self.events.append(event)
        fold(self._state, event, event.sequence - 1)

    def add(self, *changes: tuple) -> None:
        self.submit([at for at, _ in changes], adding(*changes)).wait()


class Time:
    """A time that passes only while a thread sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


class World:
    """A service over such a ledger. :ivar ledger: HERE has the steps 1, 3, 5, 7, 9, and THERE those between.

    Each is one second after the one before.
    """

    def __init__(self, events: int = 10) -> None:
        self.ledger, self.time = Ledger(Clock()), Time()
        self.ledger.part.sleep, self.ledger.part.monotonic = self.time.sleep, self.time
        self.service = HistoryService(self.ledger, self.ledger.part, self.time, far_walks=1)
        for number in range(events):
            self.ledger.add((HERE if number % 2 == 0 else THERE, 1))
            self.ledger.clock.advance(ms=1000)
