"""fold: what the log says has happened, and the properties that every history has."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from support.dead_letters import ONE, TWO, broken_events
from support.given import COMMANDS, START, event_of, fold_all, history, item

from inventory.domain.dead_letter import REQUEUED, Break, Figures
from inventory.domain.events import LEDGER_RESTORED, Delivery, KeyUse, Line
from inventory.domain.hold_commands import Command
from inventory.domain.record import Record
from inventory.domain.sku_stock import WideSku
from inventory.domain.state import FEW, LedgerIds, State
from inventory.domain.values import Instant

HISTORIES = st.lists(COMMANDS, max_size=60).map(history)
HERE = item()


def known(state: State) -> object:
    return (
        state.records,
        state.broken,
        state.sequence,
        state.last_at,
        state.store_names.after(None, 1000),
        {store: skus.after(None, 1000) for store, skus in state.skus_of_store.items()},
        state.central(),
        {sku: (wide.totals, wide.stores.after(None, 1000)) for sku, wide in state.wide.items()},
    )


@given(st.lists(COMMANDS, max_size=60))
def test_no_quantity_ever_goes_below_zero(commands: list[Command]):
    for event in history(commands):
        for line in event.lines:
            assert line.reserved >= 0
            assert line.on_hand >= 0


@given(HISTORIES)
def test_versions_of_a_record_rise_by_one_from_one(events):
    versions = defaultdict(list)
    for event in events:
        for line in event.lines:
            versions[line.item].append(line.version)
    for found in versions.values():
        assert found == list(range(1, len(found) + 1))


@given(HISTORIES)
def test_the_sum_of_the_deltas_is_the_stock(events):
    on_hand, reserved = defaultdict(int), defaultdict(int)
    for event in events:
        for line in event.lines:
            on_hand[line.item] += line.on_hand_delta
            reserved[line.item] += line.reserved_delta
    for at, record in fold_all(events).records.items():
        assert (record.on_hand, record.reserved) == (on_hand[at], reserved[at])


@given(HISTORIES, st.integers(0, 60))
def test_folding_a_prefix_and_then_the_rest_is_folding_all(events, cut):
    assert known(fold_all(events[cut:], fold_all(events[:cut]))) == known(fold_all(events))


@given(HISTORIES)
def test_no_history_that_was_decided_is_broken(events):
    assert fold_all(events).broken == {}


@given(HISTORIES)
def test_the_central_view_holds_every_record_once(events):
    state = fold_all(events)
    central = [state.records[item] for items in state.central().values() for item in items]
    assert sorted(central) == sorted(state.records.values())


def test_what_is_available_is_what_is_on_hand_and_not_reserved():
    assert Record(HERE, 10, 4, 1, 1, START).qty == 6


def test_what_is_available_is_never_below_zero():
    assert Record(HERE, 3, 4, 1, 1, START).qty == 0


def test_a_line_that_skips_a_version_marks_its_record_broken_from_there():
    state = fold_all([event_of(1, Line(HERE, 5, 0, 5, 0, 1)), event_of(2, Line(HERE, 1, 0, 6, 0, 3))])
    assert state.broken == {HERE: Break(2, Figures(5, 0, 1))}


def test_a_line_whose_figures_do_not_follow_marks_its_record_broken():
    state = fold_all([event_of(1, Line(HERE, 5, 0, 5, 0, 1)), event_of(2, Line(HERE, 1, 0, 7, 0, 2))])
    assert state.broken == {HERE: Break(2, Figures(5, 0, 1))}


def test_a_broken_record_is_taken_at_its_latest_line():
    state = fold_all([event_of(1, Line(HERE, 5, 0, 5, 0, 1)), event_of(2, Line(HERE, 1, 0, 7, 0, 9))])
    assert state.record(HERE) == Record(HERE, 7, 0, 9, 2, START)


def test_the_first_break_stays_the_one_that_is_named():
    lines = [Line(HERE, 5, 0, 5, 0, 2), Line(HERE, 1, 0, 9, 0, 7)]
    assert fold_all([event_of(1, lines[0]), event_of(2, lines[1])]).broken == {HERE: Break(1, Figures(0, 0, 0))}


def test_a_break_in_one_record_leaves_the_others_valid():
    other = item("sku-2")
    state = fold_all([event_of(1, Line(HERE, 5, 0, 5, 0, 2), Line(other, 1, 0, 1, 0, 1))])
    assert other not in state.broken


def test_an_event_of_several_lines_changes_all_its_records():
    other = item("sku-2")
    state = fold_all([event_of(1, Line(HERE, 5, 0, 5, 0, 1), Line(other, 1, 0, 1, 0, 1))])
    assert [state.records[at].sequence for at in (HERE, other)] == [1, 1]


def test_a_key_is_found_at_the_position_of_its_event():
    event = event_of(1, Line(HERE, 5, 0, 5, 0, 1))._replace(key_use=KeyUse("k", "h", Instant(START + 1)))
    assert fold_all([event]).keys.find("k") == 0


def test_the_key_of_a_batch_is_found_with_that_of_its_operation():
    event = event_of(1, Line(HERE, 5, 0, 5, 0, 1))._replace(key_use=KeyUse("k/0", "h", Instant(START + 1), "k"))
    keys = fold_all([event]).keys
    assert (keys.find("k/0"), keys.find("k")) == (0, 0)


def test_before_the_first_event_no_time_has_passed():
    assert State().last_at == 0


def test_a_delivery_is_found_at_the_position_of_its_event():
    event = event_of(1, Line(HERE, 5, 0, 5, 0, 1))._replace(delivery=Delivery("source", "id"))
    assert fold_all([event]).keys.find_delivery(Delivery("source", "id")) == 0


def test_the_indexes_follow_each_event_also_of_a_sku_in_many_stores():
    many = [item("wide", f"store-{number:02}") for number in range(FEW + 3)]
    one = item("narrow", "store-00")
    made = [event_of(number, Line(at, 5, 0, 5, 0, 1)) for number, at in enumerate([*many, one], 1)]
    state = fold_all(made)
    fold_all([event_of(len(made) + 1, Line(many[0], -1, 0, 4, 0, 2), Line(one, 2, 0, 7, 0, 2))], state)

    assert state.central() == {"wide": tuple(many), "narrow": (one,)}
    assert len(state.items_of_sku["wide"]) == FEW
    assert state.running_totals() == {"wide": WideSku([state.records[at] for at in many]).totals}
    assert state.skus_of_store[one.store].after(None, 10) == ["narrow", "wide"]
    assert state.wide["wide"].stores.after(None, 100) == [at.store for at in many]


def test_a_settlement_of_a_record_without_a_break_is_a_fact_too():
    state = fold_all(broken_events())
    fold_all([event_of(4, Line(TWO, 1, 0, 10, 0, 2))._replace(type=REQUEUED)], state)
    assert (set(state.broken), state.record(TWO).on_hand) == ({ONE}, 10)


def test_the_first_event_names_the_ledger_and_the_latest_restore_the_timeline():
    restore = event_of(3)._replace(type=LEDGER_RESTORED)
    state = State()
    found = [fold_all([event], state).ids for event in (event_of(1), event_of(2), restore, event_of(4))]
    first, later = LedgerIds("event-1", "event-1"), LedgerIds("event-1", "event-3")
    assert [State().ids, *found] == [LedgerIds(), first, first, later, later]


def test_a_log_that_begins_with_a_restore_is_a_ledger_of_its_own():
    assert fold_all([event_of(1)._replace(type=LEDGER_RESTORED)]).ids == LedgerIds("event-1", "event-1")
