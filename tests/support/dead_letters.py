"""Dead letters: of a ledger in memory with a broken history, kept in a list; and of a process on a folder."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Event, Line
from inventory.domain.state import fold
from inventory.eventlog.dead_letter_file import DeadLetterFile
from inventory.eventlog.ledger import FileLedger
from inventory.memory.ledger import MemoryHistory, MemoryLedger
from inventory.resilience.retry import RetryPolicy
from inventory.service.dead_letter_check import DeadLetterCheck
from inventory.service.dead_letters import DeadLetters
from inventory.service.ports.dead_letter_store import DeadLetter
from inventory.service.ports.health import LedgerStatus
from inventory.service.stock import StockService
from support.folder import Folder, Shim
from support.given import START, Clock, event_of, item

ONE, TWO = item("sku-1"), item("sku-2")
BREAK = 2
"""The event that breaks ONE: its third one follows on its first, with 7 on hand where 5 and 1 make 6."""


def broken_events() -> list[Event]:
    """ONE has 5 units, then a break; TWO has 9."""
    return [
        event_of(1, Line(ONE, 5, 0, 5, 0, 1)),
        event_of(BREAK, Line(ONE, 1, 0, 7, 0, 3)),
        event_of(3, Line(TWO, 9, 0, 9, 0, 1)),
    ]


class BrokenLedger(MemoryLedger):
    """A ledger whose log has events that do not add up.

    :ivar unreadable: how many of the next reads of events fail.
    :ivar durable: up to where the log is durable; ``None`` for all of it.
    """

    def __init__(self, events: Sequence[Event] | None = None) -> None:
        super().__init__(now=lambda: START)
        self.unreadable = 0
        self.reads = 0
        self.durable: int | None = None
        self.read_only: str | None = None
        self.history = _UnreliableHistory(self)
        for event in broken_events() if events is None else events:
            self.has(event)

    def has(self, event: Event) -> None:
        self.events.append(event)
        fold(self._state, event, event.sequence - 1)

    def status(self) -> LedgerStatus:
        status = super().status()
        durable = status.durable if self.durable is None else self.durable
        return status._replace(durable=durable, read_only=self.read_only)


class _UnreliableHistory(MemoryHistory):
    """Its reads are counted, and some fail."""

    def __init__(self, ledger: "BrokenLedger") -> None:
        super().__init__(ledger.events, ledger._state)
        self._ledger = ledger

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        self._ledger.reads += 1
        if self._ledger.unreadable:
            self._ledger.unreadable -= 1
            raise StorageUnavailable("injected", outcome="none")
        return super().events(first, limit, archived=archived)


class MemoryLetters:
    """Dead letters, as a list of everything that was noted.

    :ivar full: whether nothing more can be noted. :ivar is_free: whether no other process uses it.
    """

    def __init__(self) -> None:
        self.entries: list[DeadLetter] = []
        self.full = False
        self.is_free = True

    @contextmanager
    def lock(self, *, wait_ms: int) -> Iterator[bool]:
        yield self.is_free

    def all(self) -> Sequence[DeadLetter]:
        return list({(letter.sequence, letter.item): letter for letter in self.entries}.values())

    def append(self, letters: Sequence[DeadLetter]) -> None:
        if self.full:
            raise StorageUnavailable("no space", outcome="none")
        self.entries += letters


def at(letter: DeadLetter) -> tuple[object, ...]:
    """What there is to say of a letter in short."""
    return letter.sequence, letter.item, letter.state


TRIES = 4


class BrokenWorld:
    """A ledger with a broken record, letters, and a clock; pauses between tries are noted, not waited for."""

    def __init__(self, ledger: BrokenLedger) -> None:
        self.ledger, self.kept, self.clock = ledger, MemoryLetters(), Clock()
        self.pauses: list[float] = []
        self.stock = StockService(ledger)
        self.letters = self.process()

    def process(self) -> DeadLetters:
        """One more process on the same log and letters."""
        check = DeadLetterCheck(self.ledger.history, RetryPolicy(TRIES, 50, sleep=self.pauses.append), self.clock)
        return DeadLetters(self.ledger, self.stock, self.kept, check, self.clock)

    def noted(self) -> list[tuple[object, ...]]:
        return [at(letter) for letter in self.kept.entries]


QUICK = RetryPolicy(3, 1, sleep=lambda _: None)


@dataclass
class Process:
    """What a process has of dead letters."""

    ledger: FileLedger
    letters: DeadLetters


def process(folder: Folder, disk: Shim | None = None) -> Process:
    """One more process on a prepared folder."""
    ledger, clock = folder.open(disk), Clock()
    file = DeadLetterFile(folder.layout, disk or Shim())
    check = DeadLetterCheck(ledger.history, QUICK, clock)
    return Process(ledger, DeadLetters(ledger, StockService(ledger), file, check, clock))


def states(folder: Folder) -> list[str]:
    """What every line of the file says, one after another."""
    return [json.loads(line)["state"] for line in folder.layout.dead_letters.read_bytes().splitlines()]
