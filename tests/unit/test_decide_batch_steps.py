"""What the decision on a batch costs, counted in steps, not in time."""

import pytest
from support.given import START, event_of, fold_all, item
from support.steps import steps

from inventory.domain.commands import AdjustStock, WantedLine
from inventory.domain.decide import decide
from inventory.domain.events import Line
from inventory.domain.hold_commands import AtomicBatch, HoldStock
from inventory.domain.state import State

ITEMS = [item(f"sku-{number}") for number in range(1000)]


def reserves(many: int) -> AtomicBatch:
    lines = [WantedLine(ITEMS[number % 500], 1) for number in range(many)]
    return AtomicBatch(tuple(HoldStock("r-1", (line,)) for line in lines))


def adjusts(many: int) -> AtomicBatch:
    return AtomicBatch(tuple(AdjustStock(ITEMS[number], -1) for number in range(many)))


@pytest.fixture
def state() -> State:
    """Each record has 10 units."""
    return fold_all([event_of(1, *[Line(at, 10, 0, 10, 0, 1) for at in ITEMS])])


def test_a_thousand_reserves_take_at_most_five_times_the_steps_of_a_thousand_adjusts(state):
    found = [steps(lambda: decide(batch, state, START)) for batch in (reserves(1000), adjusts(1000))]  # noqa: B023
    assert found[0] <= 5 * found[1]
