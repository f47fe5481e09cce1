"""decide and records: safety stock, the threshold, and reservations beyond the stock."""

import pytest
from support.given import START, event_of, fold_all, item

from inventory.domain.commands import AdjustStock, SetPolicy, at_version
from inventory.domain.decide import decide
from inventory.domain.errors import InsufficientStock, ItemNotFound, VersionConflict
from inventory.domain.events import Change, Draft, Line, line_after
from inventory.domain.hold_commands import Command
from inventory.domain.record import Policy, Record
from inventory.domain.state import State
from inventory.domain.values import Instant

HERE = item()


@pytest.fixture
def state() -> State:
    """10 on hand, 4 of them reserved, at version 3."""
    return fold_all([event_of(1, Line(HERE, 10, 4, 10, 4, 3))])


def decided(command: Command, state: State) -> Draft:
    return decide(command, state, Instant(START))


def oversold() -> State:
    """Counted at 2, where 4 are promised."""
    return fold_all([event_of(1, Line(HERE, 2, 4, 2, 4, 3))])


def folded(draft: Draft, state: State) -> State:
    """The state after what was decided has happened."""
    lines = [line_after(change, state.record(change.item)) for change in draft.changes]
    return fold_all([event_of(state.sequence + 1, *lines)], state)


def test_goods_may_arrive_while_more_is_promised_than_there_is():
    assert decided(AdjustStock(HERE, 1), oversold()).changes == (Change(HERE, 1),)


def test_nothing_can_be_taken_while_more_is_promised_than_there_is():
    with pytest.raises(InsufficientStock) as refusal:
        decided(AdjustStock(HERE, -1), oversold())
    assert (refusal.value.requested, refusal.value.available) == (1, 0)


def test_a_record_says_by_how_much_it_is_oversold():
    record = oversold().record(HERE)
    assert (record.qty, record.available, record.oversold_by) == (0, 0, 2)


def test_a_policy_changes_no_stock_and_is_part_of_the_record(state: State):
    draft = decided(SetPolicy(HERE, Policy(3, 2)), state)
    assert draft == Draft("policy.set", (Change(HERE, 0, 0, Policy(3, 2)),))
    assert folded(draft, state).record(HERE).policy == Policy(3, 2)


def test_a_policy_stays_until_another_is_set(state: State):
    state = folded(decided(SetPolicy(HERE, Policy(3, 2)), state), state)
    assert folded(decided(AdjustStock(HERE, 1), state), state).record(HERE).policy == Policy(3, 2)


def test_a_policy_needs_a_record_and_its_version(state: State):
    with pytest.raises(ItemNotFound):
        decided(SetPolicy(HERE, Policy()), State())
    with pytest.raises(VersionConflict):
        decided(SetPolicy(HERE, Policy(), at_version(2)), state)


@pytest.mark.parametrize(("safety_stock", "available"), [(0, 6), (5, 1), (6, 0), (7, 0)])
def test_what_is_available_leaves_the_safety_stock_alone(state: State, safety_stock: int, available: int):
    record = state.record(HERE)._replace(policy=Policy(safety_stock))
    assert (record.qty, record.available) == (6, available)


def test_an_adjustment_may_use_the_safety_stock(state: State):
    state = folded(decided(SetPolicy(HERE, Policy(6)), state), state)
    assert decided(AdjustStock(HERE, -6), state).changes == (Change(HERE, -6),)


def test_stock_is_low_at_its_threshold_and_below():
    records = [Record(HERE, on_hand, 0, 1, 1, Instant(START), Policy(1, 2)) for on_hand in (4, 3, 0)]
    assert [record.is_low for record in records] == [False, True, True]
    assert not records[-1]._replace(policy=Policy()).is_low
    assert not records[-1]._replace(policy=None).is_low
