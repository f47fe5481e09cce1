"""The implementations of the ledger port, in one place: each contract test runs on every one of them."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from support.given import WRITER, Clock

from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.log_parts import LogOptions
from inventory.eventlog.recovery import recover
from inventory.memory.ledger import MemoryLedger
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.service.ports.ledger import Ledger
from inventory.service.transaction import Writer

Factory = Callable[..., Ledger]


def in_memory(folder: Path, now: Callable[[], Instant], writer: Writer = WRITER) -> Ledger:
    return MemoryLedger(writer, now)


class MachineAt(HostClock):
    """A machine that was booted in 1970 and whose clocks are ``now``."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self.since_boot = self.wall = now


def on_files(
    folder: Path, now: Callable[[], Instant], writer: Writer = WRITER, segment_bytes: int = 67_108_864
) -> Ledger:
    layout, machine = Layout(folder), MachineAt(now)
    recover(layout, Disk(), machine)
    return FileLedger(layout, LogOptions(writer, machine=machine, segment_bytes=segment_bytes))


# Makes an empty ledger that may use the (new, empty) folder, writes as WRITER or another, and takes its time
# from ``now``.
LEDGERS: dict[str, Factory] = {
    "memory": in_memory,
    "files": on_files,
    "small-segments": partial(on_files, segment_bytes=4096),
}


@pytest.fixture(params=LEDGERS)
def ledger_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Callable], Ledger]]:
    """Makes empty ledgers from a clock, each in a folder of its own; closes them at the end."""
    made: list[Ledger] = []
    numbers = itertools.count()

    def make(now: Callable[[], Instant], writer: Writer = WRITER) -> Ledger:
        folder = tmp_path / f"ledger-{next(numbers)}"
        folder.mkdir()
        made.append(LEDGERS[request.param](folder, now, writer))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_factory: Callable, clock: Clock) -> Ledger:
    return ledger_factory(clock)
