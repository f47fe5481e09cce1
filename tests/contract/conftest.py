"""The implementations of the ledger port, in one place: each contract test runs on every one of them."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from given import WRITER, Clock

from inventory.domain.values import Instant
from inventory.eventlog.memory import MemoryLedger
from inventory.service.ledger import Ledger

Factory = Callable[[Path, Callable[[], Instant]], Ledger]


def in_memory(folder: Path, now: Callable[[], Instant]) -> Ledger:
    return MemoryLedger(WRITER, now)


# Makes an empty ledger that may use the (new, empty) folder, writes as WRITER, and takes its time from ``now``.
LEDGERS: dict[str, Factory] = {"memory": in_memory}


@pytest.fixture(params=LEDGERS)
def ledger_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Callable], Ledger]]:
    """Makes empty ledgers from a clock, each in a folder of its own; closes them at the end."""
    made: list[Ledger] = []
    numbers = itertools.count()

    def make(now: Callable[[], Instant]) -> Ledger:
        folder = tmp_path / f"ledger-{next(numbers)}"
        folder.mkdir()
        made.append(LEDGERS[request.param](folder, now))
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
