"""A reservation has at most 500 records; larger ones, which atomic batches made before, stay and can be ended."""

import pytest
from support.given import deciding, item

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.errors import ValidationFailed
from inventory.domain.hold_commands import AtomicBatch, Command, CommitHold, HoldStock, ReleaseHold
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.ledger import Ledger

ITEMS = [item(f"sku-{number}") for number in range(1000)]
LINES = tuple(WantedLine(at, 1) for at in ITEMS)


def do(ledger: Ledger, command: Command) -> Outcome:
    return ledger.submit(command.entities, deciding(command)).wait()


def reserves(*lines: WantedLine) -> AtomicBatch:
    return AtomicBatch(tuple(HoldStock("r-1", (line,)) for line in lines))


@pytest.fixture
def stocked(ledger: Ledger) -> Ledger:
    do(ledger, AtomicBatch(tuple(CountStock(at, 9) for at in ITEMS)))
    return ledger


@pytest.fixture
def with_large_hold(stocked: Ledger) -> Ledger:
    """One hold of 1,000 lines, as such a batch made it."""
    command = HoldStock("r-1", LINES)

    def decide_as_before(state, now):
        return deciding(command)(state, now)._replace(type="stock.batch")

    stocked.submit(command.entities, decide_as_before).wait()
    return stocked


def test_an_atomic_batch_may_reserve_500_records_many_times(stocked: Ledger):
    outcome = do(stocked, reserves(*LINES[:500], *LINES[:500]))
    assert [line.qty for line in outcome.event.reservation.lines] == [2] * 500


def test_an_atomic_batch_that_reserves_501_records_is_refused_and_changes_nothing(stocked: Ledger):
    with pytest.raises(ValidationFailed) as refusal:
        do(stocked, reserves(*LINES[:501]))
    assert [problem.field for problem in refusal.value.problems] == ["operations"]
    assert (stocked.status().sequence, stocked.reservation("r-1")) == (1, None)


@pytest.mark.parametrize("ending", [CommitHold, ReleaseHold])
def test_a_larger_hold_can_be_ended_in_full(with_large_hold: Ledger, ending: type):
    outcome = do(with_large_hold, ending("r-1", tuple(ITEMS)))
    assert (len(outcome.event.lines), outcome.event.reservation.is_open) == (1000, False)


@pytest.mark.parametrize("ending", [CommitHold, ReleaseHold])
def test_a_larger_hold_can_be_ended_in_parts(with_large_hold: Ledger, ending: type):
    for part in (LINES[:500], LINES[500:]):
        do(with_large_hold, ending("r-1", tuple(ITEMS), part))
    assert with_large_hold.reservation("r-1").is_open is False
    assert {with_large_hold.record(at).reserved for at in ITEMS} == {0}
