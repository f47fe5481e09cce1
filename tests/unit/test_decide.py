"""decide: every rule of stock, one by one."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import COMMANDS, START, event_of, fold_all, history, item

from inventory.domain.commands import ANY, AdjustStock, CountStock, Precondition, Seen, at_version
from inventory.domain.decide import decide
from inventory.domain.errors import (
    AlreadyExists,
    CountOvertaken,
    InsufficientStock,
    ItemNotFound,
    ItemsNotFound,
    Refusal,
    ValidationFailed,
    VersionConflict,
)
from inventory.domain.events import Change, Draft, Line
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.state import State
from inventory.domain.values import MAX_QUANTITY, Instant

NOW = Instant(START)
HERE = item()
AT = 3


@pytest.fixture
def state() -> State:
    """10 on hand, 4 of them reserved, at version 3."""
    return fold_all([event_of(1, Line(HERE, 10, 4, 10, 4, 3))])


def decided(command: Command, state: State) -> Draft:
    return decide(command, state, NOW)


def test_an_adjustment_is_its_delta(state: State):
    assert decided(AdjustStock(HERE, -6), state).changes == (Change(HERE, -6, 0),)


def test_an_adjustment_may_not_take_what_is_reserved(state: State):
    with pytest.raises(InsufficientStock) as refusal:
        decided(AdjustStock(HERE, -7), state)
    assert (refusal.value.requested, refusal.value.available) == (7, 6)


def test_a_delta_of_zero_is_refused(state: State):
    with pytest.raises(ValidationFailed) as refusal:
        decided(AdjustStock(HERE, 0), state)
    assert [problem.field for problem in refusal.value.problems] == ["delta"]


def test_a_record_cannot_hold_more_than_the_largest_quantity(state: State):
    decided(AdjustStock(HERE, MAX_QUANTITY - 10), state)
    with pytest.raises(ValidationFailed):
        decided(AdjustStock(HERE, MAX_QUANTITY - 9), state)


def test_a_reservation_leaves_the_stock_on_hand(state: State):
    draft = decided(reserve_one(HERE, 6, "r-1"), state)
    assert (draft.changes, draft.reservation.reservation_id) == ((Change(HERE, 0, 6),), "r-1")


def test_more_than_is_available_cannot_be_reserved(state: State):
    with pytest.raises(InsufficientStock) as refusal:
        decided(reserve_one(HERE, 7, "r-1"), state)
    assert (refusal.value.requested, refusal.value.available) == (7, 6)


@pytest.mark.parametrize("qty", [0, -1])
def test_at_least_one_unit_is_reserved(state: State, qty: int):
    with pytest.raises(ValidationFailed):
        decided(reserve_one(HERE, qty, "r-1"), state)


@pytest.mark.parametrize("command", [AdjustStock(HERE, 1), reserve_one(HERE, 1, "r-1")])
def test_only_a_count_creates_a_record(command: Command):
    with pytest.raises((ItemNotFound, ItemsNotFound)) as refusal:
        decided(command, State())
    assert refusal.value.item == HERE


def test_a_count_creates_a_record():
    assert decided(CountStock(HERE, 5), State()).changes == (Change(HERE, 5),)


def test_a_count_that_expects_a_record_does_not_create_one():
    with pytest.raises(ItemNotFound):
        decided(CountStock(HERE, 5, Precondition(exists=True)), State())


def test_a_count_is_the_difference_to_what_was_there(state: State):
    assert decided(CountStock(HERE, 4), state).changes == (Change(HERE, -6),)


def test_a_count_of_what_is_there_is_an_event_too(state: State):
    assert decided(CountStock(HERE, 10), state).changes == (Change(HERE, 0),)


def test_a_count_below_what_is_reserved_is_a_fact(state: State):
    assert decided(CountStock(HERE, 3), state).changes == (Change(HERE, -7, 0),)


def test_what_has_changed_since_the_screen_was_read_is_added_to_a_count(state: State):
    assert decided(CountStock(HERE, 9, seen=Seen(12, AT)), state).changes == (Change(HERE, -3),)


def test_a_count_of_what_was_on_the_screen_undoes_no_sale(state: State):
    assert decided(CountStock(HERE, 12, seen=Seen(12, AT)), state).changes == (Change(HERE, 0),)


def test_a_count_that_would_leave_less_than_nothing_is_refused(state: State):
    with pytest.raises(ValidationFailed) as refusal:
        decided(CountStock(HERE, 1, seen=Seen(12, AT)), state)
    assert [problem.field for problem in refusal.value.problems] == ["onHand"]


def test_a_count_that_another_change_has_overtaken_is_not_made(state: State):
    # The change between may be a count of the same shelf.
    with pytest.raises(CountOvertaken):
        decided(CountStock(HERE, 9, seen=Seen(12, AT - 1)), state)


def test_a_count_at_a_version_of_a_record_creates_none():
    with pytest.raises(ItemNotFound):
        decided(CountStock(HERE, 5, seen=Seen(5, AT)), State())


@pytest.mark.parametrize("on_hand", [-1, MAX_QUANTITY + 1])
def test_a_count_out_of_range_is_refused(state: State, on_hand: int):
    with pytest.raises(ValidationFailed):
        decided(CountStock(HERE, on_hand), state)


@pytest.mark.parametrize("version", [2, 4])
def test_another_version_than_the_expected_one_is_a_conflict(state: State, version: int):
    with pytest.raises(VersionConflict) as refusal:
        decided(AdjustStock(HERE, 1, at_version(version)), state)
    assert (refusal.value.current_version, refusal.value.expected) == (3, (version,))


def test_the_version_is_looked_at_before_the_stock(state: State):
    with pytest.raises(VersionConflict):
        decided(reserve_one(HERE, 99, "r-1", at_version(2)), state)


@pytest.mark.parametrize(
    "precondition", [ANY, at_version(3), Precondition(frozenset({1, 3})), Precondition(exists=True)]
)
def test_a_precondition_that_holds_is_no_hindrance(state: State, precondition: Precondition):
    decided(AdjustStock(HERE, 1, precondition), state)


def test_an_empty_list_of_versions_never_holds(state: State):
    with pytest.raises(VersionConflict):
        decided(AdjustStock(HERE, 1, Precondition(frozenset())), state)


def test_what_must_not_exist_and_does_is_refused(state: State):
    with pytest.raises(AlreadyExists) as refusal:
        decided(CountStock(HERE, 5, Precondition(exists=False)), state)
    assert refusal.value.current_version == 3


@given(st.lists(COMMANDS), COMMANDS)
def test_deciding_twice_gives_the_same_and_changes_nothing(commands: list[Command], command: Command):
    state = fold_all(history(commands))
    before = copy.deepcopy((state.records, state.broken, state.sequence, state.items_of_sku))

    def outcome() -> Draft | tuple[type[Refusal], str]:
        try:
            return decided(command, state)
        except Refusal as refusal:
            return type(refusal), str(refusal)

    assert outcome() == outcome()
    assert (state.records, state.broken, state.sequence, state.items_of_sku) == before
