"""Decisions on atomic batches: each operation on what those before it leave, and all of them or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import START, deciding, event_of, fold_all, group_on, item
from support.steps import steps

from inventory.domain.commands import AdjustStock, CountStock, Note, WantedLine, at_version
from inventory.domain.decide import decide
from inventory.domain.decide_batch import OperationRefused
from inventory.domain.errors import (
    InsufficientStock,
    ItemNotFound,
    NeedsOperator,
    Refusal,
    ValidationFailed,
    VersionConflict,
)
from inventory.domain.events import Change, Draft, Line
from inventory.domain.hold_commands import AtomicBatch, HoldStock
from inventory.domain.record import Policy
from inventory.domain.reservation import HeldLine
from inventory.domain.state import State, fold
from inventory.domain.values import MAX_QUANTITY

ONE, TWO, NEW = item("sku-1"), item("sku-2"), item("new")


@pytest.fixture
def state() -> State:
    """ONE: 10, at version 3. TWO: 5, of which 2 are promised and 1 is kept for safety, at version 1."""
    return fold_all(
        [
            event_of(1, Line(ONE, 10, 0, 10, 0, 1), Line(TWO, 5, 2, 5, 2, 1, 0, Policy(1))),
            event_of(2, Line(ONE, 1, 0, 11, 0, 2, 1)),
            event_of(3, Line(ONE, -1, 0, 10, 0, 3, 2)),
        ]
    )


def hold(at=ONE, qty=1, ttl_ms=None, version=None, reservation_id="r-1") -> HoldStock:
    return HoldStock(reservation_id, (WantedLine(at, qty, at_version(version)),), ttl_ms)


def decided(state: State, *operations) -> Draft:
    return decide(AtomicBatch(operations), state, START)


def refused(state: State, *operations) -> OperationRefused:
    with pytest.raises(OperationRefused) as refusal:
        decided(state, *operations)
    return refusal.value


def test_operations_on_one_record_are_one_change_of_it(state):
    draft = decided(state, AdjustStock(ONE, -4), AdjustStock(TWO, 1), AdjustStock(ONE, -6))
    assert draft.changes == (Change(ONE, -10), Change(TWO, 1))


def test_two_operations_checked_apart_cannot_oversell(state):
    refusal = refused(state, AdjustStock(ONE, -6), AdjustStock(ONE, -6))
    assert (refusal.operation, refusal.refusal.available) == (1, 4)


def test_what_comes_later_in_the_batch_is_not_there_before(state):
    assert refused(state, AdjustStock(ONE, -11), AdjustStock(ONE, 5)).operation == 0


def test_a_record_that_is_counted_for_the_first_time_can_be_taken_from(state):
    assert decided(state, CountStock(NEW, 7), AdjustStock(NEW, -3), hold(NEW, 4)).changes == (Change(NEW, 4, 4),)


def test_a_record_that_was_never_counted_is_not_there(state):
    refusal = refused(state, AdjustStock(ONE, -1), AdjustStock(NEW, 1), CountStock(NEW, 5))
    assert (refusal.operation, type(refusal.refusal)) == (1, ItemNotFound)


def test_an_expected_version_is_that_before_the_batch(state):
    three = at_version(3)
    draft = decided(state, AdjustStock(ONE, -1, three), AdjustStock(ONE, -1, three), hold(ONE, 1, version=3))
    assert draft.changes == (Change(ONE, -2, 1),)


def test_a_version_that_the_batch_would_make_is_a_conflict(state):
    refusal = refused(state, AdjustStock(ONE, -1), AdjustStock(ONE, -1, at_version(4)))
    assert (refusal.operation, type(refusal.refusal), refusal.refusal.current_version) == (1, VersionConflict, 3)


def test_a_record_that_the_batch_makes_has_no_version_yet(state):
    refusal = refused(state, CountStock(NEW, 5), AdjustStock(NEW, -1, at_version(1)))
    assert (refusal.operation, type(refusal.refusal)) == (1, VersionConflict)


def test_the_holds_of_a_batch_are_one_reservation(state):
    draft = decided(state, hold(ONE, 2, 60_000), AdjustStock(ONE, -1), hold(TWO, 1, 60_000), hold(ONE, 3, 60_000))
    assert draft.reservation.lines == (HeldLine(ONE, 5), HeldLine(TWO, 1))
    assert (draft.reservation.reservation_id, draft.reservation.expires_at) == ("r-1", START + 60_000_000)


def test_holds_of_a_batch_leave_the_safety_stock_alone(state):
    # 5 on hand, 2 promised, 1 kept for safety.
    refusal = refused(state, hold(TWO, 1), hold(TWO, 2))
    assert (refusal.operation, refusal.refusal.available) == (1, 1)


def test_nothing_overflows_on_the_way(state):
    refusal = refused(state, CountStock(ONE, MAX_QUANTITY), AdjustStock(ONE, 1), AdjustStock(ONE, -1))
    assert (refusal.operation, type(refusal.refusal)) == (1, ValidationFailed)


def test_changes_that_cancel_out_are_an_event_all_the_same(state):
    assert decided(state, AdjustStock(ONE, 5), AdjustStock(ONE, -5)).changes == (Change(ONE, 0),)


def test_the_note_of_the_batch_is_that_of_its_event(state):
    note = Note(reason="stocktaking", reference="sheet 4")
    draft = decide(AtomicBatch((AdjustStock(ONE, 1),), note), state, START)
    assert (draft.type, draft.note) == ("stock.batch", note)


def test_the_state_is_not_touched(state):
    decided(state, AdjustStock(ONE, -4), hold(TWO, 1))
    assert (state.record(ONE).on_hand, state.record(TWO).reserved, state.reservation("r-1")) == (10, 2, None)


def test_one_record_with_a_broken_history_refuses_the_whole_batch():
    broken = fold_all([event_of(1, Line(ONE, 10, 0, 10, 0, 5), Line(TWO, 1, 0, 1, 0, 1))])
    batch, command = group_on(broken, []), AtomicBatch((AdjustStock(TWO, 1), AdjustStock(ONE, 1)))
    with pytest.raises(NeedsOperator, match="sku-1"):
        batch.run(command.entities, deciding(command), None)
    assert batch.events == []


ITEMS = st.sampled_from([ONE, TWO, NEW])
OPERATIONS = st.lists(
    st.one_of(
        st.builds(CountStock, ITEMS, st.integers(0, 12)),
        st.builds(AdjustStock, ITEMS, st.integers(-8, 8).filter(bool)),
        st.builds(hold, ITEMS, st.integers(1, 6)),
    ),
    min_size=1,
    max_size=12,
)


def one_after_another(state: State, operations) -> int | None:
    """Carry out operations as events of their own; returns which one was refused first, if any."""
    for place, operation in enumerate(operations):
        if isinstance(operation, HoldStock):
            operation = HoldStock(f"own-{place}", operation.lines)  # noqa: PLW2901
        try:
            event = group_on(state, []).run(operation.entities, deciding(operation), None).event
        except Refusal:
            return place
        fold(state, event, event.sequence - 1)
    return None


def figures(state: State) -> list[tuple[int, int] | None]:
    return [record and (record.on_hand, record.reserved) for record in map(state.record, (ONE, TWO, NEW))]


def start_state() -> State:
    return fold_all([event_of(1, Line(ONE, 10, 0, 10, 0, 1), Line(TWO, 5, 2, 5, 2, 1, 0, Policy(1)))])


@given(OPERATIONS)
def test_an_atomic_batch_equals_its_operations_one_after_another_or_changes_nothing(operations):
    apart, together = start_state(), start_state()
    first_refused = one_after_another(apart, operations)
    command, batch = AtomicBatch(tuple(operations)), group_on(together, [])

    try:
        event = batch.run(command.entities, deciding(command), None).event
    except OperationRefused as refusal:
        refused_at, versions = refusal.operation, []
    else:
        fold(together, event, 1)
        refused_at, versions = None, [(line.item == NEW, line.version) for line in event.lines]

    assert refused_at == first_refused
    assert figures(together) == figures(apart if refused_at is None else start_state())
    assert set(versions) <= {(True, 1), (False, 2)}


@given(OPERATIONS)
def test_a_batch_holds_what_its_holds_ask_for(operations):
    try:
        draft = decided(start_state(), *operations)
    except OperationRefused:
        return
    asked: dict = {}
    for line in [line for operation in operations if isinstance(operation, HoldStock) for line in operation.lines]:
        asked[line.item] = asked.get(line.item, 0) + line.qty
    held = {} if draft.reservation is None else {line.item: line.qty for line in draft.reservation.lines}
    assert held == asked == {change.item: change.reserved_delta for change in draft.changes if change.reserved_delta}


def test_the_refusal_inside_is_what_the_operation_alone_would_meet(state):
    assert isinstance(refused(state, AdjustStock(ONE, -11)).refusal, InsufficientStock)


THOUSAND = [item(f"sku-{number}") for number in range(1000)]


def reserves(many: int) -> AtomicBatch:
    lines = [WantedLine(THOUSAND[number % 500], 1) for number in range(many)]
    return AtomicBatch(tuple(HoldStock("r-1", (line,)) for line in lines))


def adjusts(many: int) -> AtomicBatch:
    return AtomicBatch(tuple(AdjustStock(THOUSAND[number], -1) for number in range(many)))


@pytest.fixture
def stocked() -> State:
    """Each record has 10 units."""
    return fold_all([event_of(1, *[Line(at, 10, 0, 10, 0, 1) for at in THOUSAND])])


def test_a_thousand_reserves_take_at_most_five_times_the_steps_of_a_thousand_adjusts(stocked):
    found = [steps(lambda: decide(batch, stocked, START)) for batch in (reserves(1000), adjusts(1000))]  # noqa: B023
    assert found[0] <= 5 * found[1]
