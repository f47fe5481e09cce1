"""The engines that the contract suite runs on. To point it at another one, add its factory to ``ENGINES``.

    pytest tests/contract                   all engines
    pytest tests/contract -k files          one of them

A factory is called with an empty folder of its own, a clock, a stamp and events. It returns a ``Ledger``
(`inventory/service/ports/ledger.py`) that

- takes its time from the clock, and writes as the stamp says;
- has these events already, in this order, as if another program had written them: they were never decided here, and one
  of them may not continue the history of its record;
- has its ``CommitQueue`` as ``changes``: tests put a ``FailingStore`` below it;
- lets a change wait for a minute: what is tested here must not hang on how fast the machine is.

What holds of one engine only (torn files, the shared header) is tested elsewhere (`tests/eventlog`). An engine
whose queue has no thread is left out by the tests of the thread.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from inventory.domain.events import Event
from inventory.domain.state import fold
from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.line import GENESIS, encode
from inventory.eventlog.log_parts import LogOptions
from inventory.eventlog.recovery import recover
from inventory.memory.ledger import MemoryLedger
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.service.change_overlay import EventStamp
from inventory.service.committing_thread import CommitQueue
from inventory.service.ports.ledger import Ledger
from support.given import WRITER

Clock = Callable[[], Instant]


class LedgerUnderTest(Ledger, Protocol):
    """What a factory makes."""

    changes: CommitQueue


class Factory(Protocol):
    """Makes a ledger; see above."""

    def __call__(
        self, folder: Path, now: Clock, stamp: EventStamp = WRITER, events: Sequence[Event] = ()
    ) -> LedgerUnderTest: ...


def in_memory(
    folder: Path, now: Clock, stamp: EventStamp = WRITER, events: Sequence[Event] = (), *, with_thread: bool = True
) -> MemoryLedger:
    ledger = MemoryLedger(stamp, now, with_thread=with_thread)
    for event in events:
        ledger.events.append(event)
        fold(ledger._state, event, event.sequence - 1)
    return ledger


class MachineAt(HostClock):
    """A machine that was booted in 1970 and whose clocks are ``now``."""

    def __init__(self, now: Clock) -> None:
        self.since_boot = self.wall = now


def on_files(
    folder: Path,
    now: Clock,
    stamp: EventStamp = WRITER,
    events: Sequence[Event] = (),
    *,
    segment_bytes: int = 67_108_864,
) -> FileLedger:
    layout, machine = Layout(folder), MachineAt(now)
    if events:
        layout.make_folders()
        chain = GENESIS
        with open(layout.segment(1), "wb") as log:
            for event in events:
                line, chain = encode(event, chain)
                log.write(line)
    recover(layout, Disk(), machine)
    return FileLedger(layout, LogOptions(stamp, 60_000, segment_bytes, machine=machine))


WITHOUT_THREAD = "memory-without-thread"
ENGINES: dict[str, Factory] = {
    "memory": in_memory,
    WITHOUT_THREAD: partial(in_memory, with_thread=False),
    "files": on_files,
    "small-segments": partial(on_files, segment_bytes=4096),
}
