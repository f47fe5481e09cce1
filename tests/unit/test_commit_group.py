"""CommitGroup: changes decided one after another on an overlay, before anything is written."""

import pytest
from support.given import START, WRITER, adding, deciding, event_of, fold_all, group_on, item, refusing

from inventory.domain.commands import AdjustStock, CountStock, Note
from inventory.domain.errors import IdempotencyConflict, InsufficientStock, NeedsOperator
from inventory.domain.events import Change, Delivery, Draft, Event, KeyUse, Line
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.state import State
from inventory.domain.values import Instant, ReservationId
from inventory.service.change_overlay import CommitGroup
from inventory.service.in_memory_group import StateGroup

ONE, TWO = item("sku-1"), item("sku-2")
KEY = IdempotencyKey("key", "hash")
DELIVERY = Delivery("source", "id")


@pytest.fixture
def log() -> list[Event]:
    """Ten units of ONE."""
    return [event_of(1, Line(ONE, 10, 0, 10, 0, 1))]


@pytest.fixture
def state(log: list[Event]) -> State:
    return fold_all(log)


@pytest.fixture
def group(state: State, log: list[Event]) -> CommitGroup:
    return group_on(state, log)


def test_a_change_sees_those_before_it(group: CommitGroup):
    group.run((ONE,), adding((ONE, -7)), None)
    with pytest.raises(InsufficientStock) as refusal:
        group.run((ONE,), deciding(AdjustStock(ONE, -4)), None)
    assert refusal.value.available == 3


def test_sequences_go_on_from_the_log(group: CommitGroup):
    found = [group.run((ONE,), adding((ONE, 1)), None).event.sequence for _ in range(3)]
    assert found == [2, 3, 4]


def test_the_state_is_not_touched(group: CommitGroup, state: State):
    group.run((ONE, TWO), adding((ONE, 1), (TWO, 1)), KEY)
    assert (state.sequence, state.record(TWO), state.record(ONE).version, len(state.keys)) == (1, None, 1, 0)


def test_an_event_carries_what_it_was_asked_with(group: CommitGroup):
    note = Note("anna", "request-1", "sold", "bill 7")
    held = Reservation("r-1", (HeldLine(ONE, 2),), None, "bill 7", START)
    entities = (ONE, ReservationId("r-1"))
    event = group.run(entities, lambda *_: Draft("x", (Change(ONE, -1, 2),), note, held), KEY).event
    assert event[2:9] == (
        "x",
        START,
        "node-1",
        note,
        (Line(ONE, -1, 2, 9, 2, 2, previous=1),),
        held._replace(sequence=event.sequence, created=event.sequence, lines_at=event.sequence),
        KeyUse("key", "hash", Instant(START + WRITER.key_ttl_ms * 1000)),
    )


def test_an_event_of_several_records_has_a_line_for_each(group: CommitGroup):
    event = group.run((ONE, TWO), adding((ONE, -1), (TWO, 1)), None).event
    assert [(line.item, line.on_hand, line.version) for line in event.lines] == [(ONE, 9, 2), (TWO, 1, 1)]


def test_a_refusal_leaves_nothing(group: CommitGroup):
    with pytest.raises(InsufficientStock):
        group.run((ONE,), deciding(AdjustStock(ONE, -11)), KEY)
    assert (group.events, group.record(ONE).on_hand) == ([], 10)


def test_a_refused_key_can_be_used_again(group: CommitGroup):
    with pytest.raises(InsufficientStock):
        group.run((ONE,), deciding(AdjustStock(ONE, -11)), KEY)
    assert not group.run((ONE,), adding((ONE, -1)), KEY).replayed


def test_an_event_that_is_not_accepted_leaves_nothing(state: State, log: list[Event]):
    class Full(StateGroup):
        def accept(self, event: Event) -> None:
            raise OverflowError

    group = CommitGroup(Full(state, START, log.__getitem__), WRITER)
    with pytest.raises(OverflowError):
        group.run((ONE,), adding((ONE, 1)), KEY)
    assert (group.events, group.record(ONE).version) == ([], 1)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(((TWO, 1),), id="not declared"),
        pytest.param(((ONE, 1), (TWO, 1)), id="one of two not declared"),
        pytest.param(((ONE, 1), (ONE, 1)), id="twice"),
        pytest.param((), id="nothing"),
    ],
)
def test_a_draft_that_is_not_of_the_entities_is_a_bug_and_leaves_nothing(group: CommitGroup, changes):
    with pytest.raises(ValueError, match=r"which was not submitted|changes nothing"):
        group.run((ONE,), adding(*changes), None)
    assert group.events == []


def test_a_key_is_replayed_inside_one_batch(group: CommitGroup):
    first = group.run((ONE,), adding((ONE, 1)), KEY)
    again = group.run((ONE,), refusing(AssertionError("decided again")), KEY)
    assert (again.event, again.replayed, len(group.events)) == (first.event, True, 1)


def test_a_key_with_another_hash_conflicts_inside_one_batch(group: CommitGroup):
    group.run((ONE,), adding((ONE, 1)), KEY)
    with pytest.raises(IdempotencyConflict):
        group.run((ONE,), adding((ONE, 1)), IdempotencyKey("key", "other"))


def test_a_delivery_is_skipped_inside_one_batch(group: CommitGroup):
    first = group.run((ONE,), adding((ONE, 1)), DELIVERY)
    assert group.run((ONE,), adding((ONE, 1)), DELIVERY) == (first.event, True)


@pytest.fixture
def used() -> list[Event]:
    """A log in which KEY was used, ending a second after START."""
    event = event_of(1, Line(ONE, 10, 0, 10, 0, 1))
    return [event._replace(key_use=KeyUse("key", "hash", Instant(START + 1_000_000)))]


def test_the_key_that_a_change_is_a_part_of_is_used_inside_the_same_batch(group: CommitGroup):
    group.run((ONE,), adding((ONE, 1)), IdempotencyKey("key/3", "hash", "key"))
    with pytest.raises(IdempotencyConflict):
        group.run((ONE,), adding((ONE, 1)), IdempotencyKey("key", "other"))


def test_a_part_s_event_is_no_replay_of_the_whole(group: CommitGroup):
    group.run((ONE,), adding((ONE, 1)), IdempotencyKey("key/3", "hash", "key"))
    group.require_unused([KEY])
    assert not group.run((ONE,), adding((ONE, 1)), KEY).replayed


def test_a_key_of_the_log_is_replayed(used: list[Event]):
    outcome = group_on(fold_all(used), used, START + 999_999).run((ONE,), adding((ONE, 1)), KEY)
    assert (outcome.event, outcome.replayed) == (used[0], True)


def test_a_key_ends_to_the_microsecond_though_the_table_keeps_it_longer(used: list[Event]):
    state = fold_all(used)
    outcome = group_on(state, used, START + 1_000_000).run((ONE,), adding((ONE, 1)), KEY)
    assert (outcome.replayed, state.keys.find("key")) == (False, 0)


def test_a_key_of_the_log_with_another_hash_conflicts(used: list[Event]):
    with pytest.raises(IdempotencyConflict):
        group_on(fold_all(used), used).run((ONE,), adding((ONE, 1)), IdempotencyKey("key", "other"))


def test_the_key_is_looked_at_before_the_stock(used: list[Event]):
    assert group_on(fold_all(used), used).run((ONE,), deciding(AdjustStock(ONE, -99)), KEY).replayed


@pytest.fixture
def broken() -> State:
    """ONE skips from nothing to version 5; TWO is whole."""
    return fold_all([event_of(1, Line(ONE, 10, 0, 10, 0, 5), Line(TWO, 1, 0, 1, 0, 1))])


def test_a_record_whose_history_is_broken_refuses_changes(broken: State):
    with pytest.raises(NeedsOperator, match="event 1"):
        group_on(broken, []).run((ONE,), adding((ONE, 1)), None)


def test_a_change_of_several_records_is_refused_if_one_is_broken(broken: State):
    with pytest.raises(NeedsOperator):
        group_on(broken, []).run((TWO, ONE), adding((TWO, 1), (ONE, 1)), None)


def test_a_broken_record_is_no_hindrance_to_others(broken: State):
    assert group_on(broken, []).run((TWO,), deciding(CountStock(TWO, 4)), None).record.version == 2


def test_a_batch_rests_on_the_latest_event_of_its_records(group: CommitGroup):
    group.run((TWO,), adding((TWO, 1)), None)
    assert [group.rests_on(entities) for entities in ((ONE,), (ONE, TWO), (item("none"),))] == [1, 2, 0]
