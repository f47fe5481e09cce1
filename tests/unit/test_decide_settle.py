"""Settling a dead letter: how fold applies it, what is decided, and that every other change is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dead_letters import BREAK, ONE, TWO, broken_events
from support.given import START, adding, deciding, event_of, fold_all, group_on

from inventory.domain.commands import AdjustStock, CountStock, Note, SettleDeadLetter
from inventory.domain.dead_letter import DISCARDED, REQUEUED, Break, Figures, figures_of, gap
from inventory.domain.decide import decide
from inventory.domain.errors import InsufficientStock, NeedsOperator, SettlementRefused
from inventory.domain.events import Change, Draft, Event, Line, continues
from inventory.domain.record import Record
from inventory.domain.state import State
from inventory.service.change_overlay import CommitGroup

REQUEUE, DISCARD = (SettleDeadLetter(ONE, BREAK, action, Note("anna")) for action in ("requeue", "discard"))
FIGURE = st.integers(-3, 3)


@pytest.fixture
def state() -> State:
    return fold_all(broken_events())


@pytest.fixture
def group(state: State) -> CommitGroup:
    return group_on(state, broken_events())


def settlement(type: str, line: Line) -> Event:
    return event_of(4, line)._replace(type=type)


@given(
    st.builds(Line, st.just(ONE), FIGURE, FIGURE, FIGURE, FIGURE, FIGURE), st.builds(Figures, FIGURE, FIGURE, FIGURE)
)
def test_a_line_has_a_gap_before_it_exactly_if_it_does_not_continue_the_record(line: Line, before: Figures):
    record = Record(ONE, *before, sequence=1, updated_at=START)
    assert (gap(line, before) is None) == continues(line, record)


def test_a_gap_is_told_with_what_is_there_and_what_follows():
    assert gap(Line(ONE, 1, 0, 7, 0, 3), Figures(5, 0, 1)) == ("version is 3, expected 2; on hand is 7, expected 6")


@pytest.mark.parametrize("kind", [REQUEUED, DISCARDED])
def test_a_settlement_whose_line_continues_takes_the_mark_away(state: State, kind: str):
    assert fold_all([settlement(kind, Line(ONE, -2, 0, 5, 0, 4))], state).broken == {}


def test_a_settlement_whose_line_does_not_continue_leaves_the_mark(state: State):
    assert fold_all([settlement(DISCARDED, Line(ONE, 0, 0, 5, 0, 4))], state).broken == {
        ONE: Break(2, Figures(5, 0, 1))
    }


def test_no_other_event_takes_the_mark_away(state: State):
    assert ONE in fold_all([event_of(4, Line(ONE, 1, 0, 8, 0, 4))], state).broken


def test_a_settlement_of_one_record_leaves_others_broken(state: State):
    fold_all([event_of(4, Line(TWO, 1, 0, 1, 0, 9)), settlement(REQUEUED, Line(ONE, 0, 0, 7, 0, 4))], state)
    assert set(state.broken) == {TWO}


def test_a_settled_record_can_break_again(state: State):
    again = event_of(5, Line(ONE, 1, 0, 1, 0, 9))
    fold_all([settlement(REQUEUED, Line(ONE, 0, 0, 7, 0, 4)), again], state)
    assert state.broken == {ONE: Break(5, Figures(7, 0, 4))}


@given(st.sampled_from([REQUEUED, DISCARDED, "stock.adjusted", "of a newer program"]))
def test_the_figures_come_from_the_lines_whatever_the_type(kind: str):
    state = fold_all([*broken_events(), settlement(kind, Line(ONE, -2, 0, 5, 0, 4))])
    assert figures_of(state.record(ONE)) == Figures(5, 0, 4)


def test_a_requeue_leaves_the_figures_as_they_are(state: State):
    assert decide(REQUEUE, state, START) == Draft(REQUEUED, (Change(ONE, 0, 0),), Note("anna"))


def test_a_discard_brings_back_the_figures_before_the_event(state: State):
    assert decide(DISCARD, state, START) == Draft(DISCARDED, (Change(ONE, -2, 0),), Note("anna"))


def test_a_discard_takes_back_what_came_after_the_break_too(state: State):
    fold_all([event_of(4, Line(ONE, 3, 4, 10, 4, 4))], state)
    assert decide(DISCARD, state, START).changes == (Change(ONE, -5, -4),)


def test_a_discard_of_the_first_event_of_a_record_leaves_nothing_on_hand():
    state = fold_all([event_of(1, Line(ONE, 5, 0, 5, 0, 4))])
    assert decide(SettleDeadLetter(ONE, 1, "discard"), state, START).changes == (Change(ONE, -5, 0),)


@pytest.mark.parametrize("command", [SettleDeadLetter(ONE, 1, "discard"), SettleDeadLetter(TWO, 3, "discard")])
def test_what_is_no_dead_letter_is_not_settled(state: State, command: SettleDeadLetter):
    with pytest.raises(SettlementRefused, match="is not a dead letter of"):
        decide(command, state, START)


def test_a_discard_to_figures_that_are_not_known_is_refused_and_says_what_helps(state: State):
    state.broken[ONE] = Break(BREAK, None)
    with pytest.raises(SettlementRefused, match=r"are unknown.*'inventory rebuild'"):
        decide(DISCARD, state, START)


def test_a_requeue_needs_no_figures_from_before(state: State):
    state.broken[ONE] = Break(BREAK, None)
    assert decide(REQUEUE, state, START).type == REQUEUED


def test_no_settlement_leaves_a_quantity_below_zero():
    state = fold_all([event_of(1, Line(ONE, -5, 0, -5, 0, 1)), event_of(2, Line(ONE, 0, 0, -6, 0, 2))])
    for command in (REQUEUE, DISCARD):
        with pytest.raises(SettlementRefused, match="would leave sku-1 in store-1 at -"):
            decide(command, state, START)


@pytest.mark.parametrize("command", [REQUEUE, DISCARD])
def test_a_settlement_gets_through_and_continues_the_record(
    group: CommitGroup, state: State, command: SettleDeadLetter
):
    event = group.run((ONE,), deciding(command), None).event
    assert (continues(event.lines[0], state.record(ONE)), event.note.actor) == (True, "anna")


def test_in_one_commit_group_the_record_takes_changes_behind_its_settlement(group: CommitGroup):
    group.run((ONE,), deciding(DISCARD), None)
    assert group.run((ONE,), deciding(AdjustStock(ONE, -5)), None).record.on_hand == 0


def test_in_one_commit_group_a_letter_is_settled_once(group: CommitGroup):
    group.run((ONE,), deciding(DISCARD), None)
    with pytest.raises(SettlementRefused):
        group.run((ONE,), deciding(REQUEUE), None)


def test_nothing_is_decided_on_the_figures_of_a_broken_record(group: CommitGroup):
    for command in (AdjustStock(ONE, -99), CountStock(ONE, 1)):
        with pytest.raises(NeedsOperator, match="event 2"):
            group.run((ONE,), deciding(command), None)


def test_what_does_not_look_at_a_broken_record_cannot_change_it_either(group: CommitGroup):
    with pytest.raises(NeedsOperator, match="event 2"):
        group.run((TWO, ONE), adding((TWO, 1), (ONE, 1)), None)
    assert group.events == []


def test_a_refusal_about_another_record_stays_what_it_is(group: CommitGroup):
    with pytest.raises(InsufficientStock):
        group.run((TWO, ONE), deciding(AdjustStock(TWO, -99)), None)
