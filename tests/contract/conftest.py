"""Each contract test runs on every engine; see `tests/support/engines.py`."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from support.engines import ENGINES, WITHOUT_THREAD, LedgerUnderTest
from support.failing_store import TWO, FailingStore
from support.given import WRITER, Clock, adding

from inventory.domain.events import Event
from inventory.domain.values import Instant
from inventory.service.change_overlay import EventStamp


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine."""
    return request.param


@pytest.fixture
def ledger_factory(engine: str, tmp_path: Path) -> Iterator[Callable[..., LedgerUnderTest]]:
    """Makes ledgers from a clock, each in a folder of its own; closes them at the end."""
    made: list[LedgerUnderTest] = []
    numbers = itertools.count()

    def make(now: Callable[[], Instant], stamp: EventStamp = WRITER, events: Sequence[Event] = ()) -> LedgerUnderTest:
        folder = tmp_path / f"ledger-{next(numbers)}"
        folder.mkdir()
        made.append(ENGINES[engine](folder, now, stamp, events))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_factory: Callable[..., LedgerUnderTest], clock: Clock) -> LedgerUnderTest:
    return ledger_factory(clock)


@pytest.fixture
def store(ledger: LedgerUnderTest) -> FailingStore:
    """The store below the ledger's queue."""
    return FailingStore.under(ledger.changes)


@pytest.fixture
def stocked(ledger: LedgerUnderTest) -> LedgerUnderTest:
    """TWO has five units, durable."""
    ledger.submit((TWO,), adding((TWO, 5))).wait()
    return ledger


@pytest.fixture
def threaded(engine: str, ledger: LedgerUnderTest) -> LedgerUnderTest:
    """A ledger with a committing thread."""
    if engine == WITHOUT_THREAD:
        pytest.skip("this engine commits in the thread of its caller")
    return ledger
