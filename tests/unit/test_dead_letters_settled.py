"""DeadLetters: what is settled, by whom, once, and that the log decides."""

import pytest
from support.dead_letters import BREAK, ONE, TWO, BrokenLedger, BrokenWorld
from support.given import START, event_of, item

from inventory.domain.commands import AdjustStock
from inventory.domain.dead_letter import DISCARDED
from inventory.domain.errors import InsufficientStock, Overloaded, SettlementRefused, StorageUnavailable
from inventory.domain.events import Line
from inventory.domain.hold_commands import ReleaseHold, reserve_one
from inventory.domain.reservation import HeldLine, Reservation
from inventory.service.ports.dead_letter_store import Settlement

THREE = item("sku-3")


def test_a_discard_heals_the_record_with_the_figures_from_before(world: BrokenWorld):
    world.letters.settle(BREAK, None, "discard", "anna", "till 3 was mended")
    assert world.ledger.record(ONE)[1:4] == (5, 0, 4)
    assert world.stock.change(AdjustStock(ONE, -5)).record.qty == 0


def test_a_requeue_heals_the_record_with_the_figures_that_it_has(world: BrokenWorld):
    world.letters.settle(BREAK, None, "requeue", "anna", None)
    assert world.stock.change(AdjustStock(ONE, -7)).record[1:4] == (0, 0, 5)


def test_the_event_says_who_settled_what_and_why(world: BrokenWorld):
    world.letters.settle(BREAK, None, "discard", "anna", "till 3 was mended")
    event = world.ledger.events[-1]
    assert (event.type, event.note.actor, event.note.reason, event.note.reference) == (
        DISCARDED, "anna", "till 3 was mended", "event 2",
    )  # fmt: skip


def test_a_settled_letter_says_so_in_a_further_entry(world: BrokenWorld):
    settled = world.letters.settle(BREAK, ONE, "discard", "anna", "why")
    event = world.ledger.events[-1]
    assert world.noted() == [(BREAK, ONE, "dead"), (BREAK, ONE, "discarded")]
    assert settled == world.kept.entries[-1]
    assert settled.settled == Settlement(4, event.event_id, "anna", event.at, "why")


@pytest.mark.parametrize("action", ["requeue", "discard"])
def test_a_letter_is_settled_once(world: BrokenWorld, action):
    world.letters.settle(BREAK, None, "discard", "anna", None)
    with pytest.raises(SettlementRefused, match="event 2 is already discarded"):
        world.letters.settle(BREAK, None, action, "anna", None)
    assert len(world.ledger.events) == 4


def test_what_is_no_letter_is_not_settled(world: BrokenWorld):
    for sequence, at_item in ((1, None), (BREAK, TWO), (99, None)):
        with pytest.raises(SettlementRefused, match=f"event {sequence} is not a dead letter"):
            world.letters.settle(sequence, at_item, "discard", "anna", None)
    assert len(world.ledger.events) == 3


def test_of_an_event_that_broke_two_records_one_has_to_be_named():
    world = BrokenWorld(BrokenLedger([event_of(1, Line(ONE, 1, 0, 1, 0, 2), Line(TWO, 1, 0, 1, 0, 2))]))
    with pytest.raises(SettlementRefused, match="name one: store-1/sku-1, store-1/sku-2"):
        world.letters.settle(1, None, "discard", "anna", None)
    world.letters.settle(1, TWO, "discard", "anna", None)
    assert world.letters.settle(1, None, "requeue", "anna", None).item == ONE


def test_nothing_is_settled_while_another_process_is_at_it(world: BrokenWorld):
    world.kept.is_free = False
    with pytest.raises(Overloaded):
        world.letters.settle(BREAK, None, "discard", "anna", None)
    assert len(world.ledger.events) == 3


def test_nothing_is_settled_that_could_not_be_noted(world: BrokenWorld):
    world.kept.full = True
    with pytest.raises(StorageUnavailable):
        world.letters.settle(BREAK, None, "discard", "anna", None)
    assert len(world.ledger.events) == 3


def test_a_settlement_that_could_not_be_noted_counts_and_is_found_in_the_log_later(world: BrokenWorld, caplog):
    world.letters.note_new()
    world.kept.full = True
    world.letters.settle(BREAK, None, "discard", "anna", "why")
    assert world.stock.change(AdjustStock(ONE, 1)).record.qty == 6
    assert "a later pass will note that" in caplog.text
    world.kept.full = False
    assert world.process().note_new() == 1
    assert world.kept.entries[-1].settled[:3] == (4, world.ledger.events[3].event_id, "anna")


def test_a_settlement_that_is_not_durable_yet_is_not_noted_yet(world: BrokenWorld):
    world.letters.note_new()
    world.kept.full = True
    world.letters.settle(BREAK, None, "requeue", "anna", None)
    world.kept.full, world.ledger.durable = False, 3
    assert world.process().note_new() == 0
    world.ledger.durable = None
    world.process().note_new()
    assert world.noted()[1:] == [(BREAK, ONE, "requeued")]


def test_what_an_event_did_to_other_records_is_not_left_standing_half(world: BrokenWorld):
    world.ledger.has(event_of(4, Line(TWO, -1, 0, 8, 0, 2), Line(THREE, 1, 0, 5, 0, 9)))
    world.letters.note_new()
    with pytest.raises(SettlementRefused, match=r"its changes to 1 other record\(s\) would stay"):
        world.letters.settle(4, THREE, "discard", "anna", None)
    assert world.letters.settle(4, THREE, "requeue", "anna", None).state == "requeued"


@pytest.mark.parametrize(("action", "on_hand"), [("requeue", 7), ("discard", 5)])
@pytest.mark.parametrize("reserved", [0, 1, 4])
def test_settled_reserved_is_what_is_held_whatever_the_broken_line_says(action: str, on_hand: int, reserved: int):
    held = Reservation("r-1", (HeldLine(ONE, 3),), None, None, START, sequence=2, created=2)
    events = [
        event_of(1, Line(ONE, 5, 0, 5, 0, 1)),
        event_of(2, Line(ONE, 0, 3, 5, 3, 2))._replace(reservation=held),
        event_of(3, Line(ONE, 1, 0, 7, reserved, 9)),
    ]
    world = BrokenWorld(BrokenLedger(events))
    world.letters.note_new()
    world.letters.settle(3, None, action, "anna", None)
    assert world.ledger.record(ONE)[1:3] == (on_hand, 3)
    world.stock.change(ReleaseHold("r-1", (ONE,)))
    assert world.ledger.record(ONE)[1:3] == (on_hand, 0)


def test_a_hold_that_was_made_behind_the_break_keeps_its_units_when_the_break_is_discarded():
    held = Reservation("r-1", (HeldLine(ONE, 5),), None, None, START, sequence=3, created=3)
    events = [
        event_of(1, Line(ONE, 10, 0, 10, 0, 1)),
        event_of(2, Line(ONE, 1, 0, 13, 0, 2)),
        event_of(3, Line(ONE, 0, 5, 13, 5, 3))._replace(reservation=held),
    ]
    world = BrokenWorld(BrokenLedger(events))
    world.letters.note_new()
    world.letters.settle(2, None, "discard", "anna", None)
    assert world.ledger.record(ONE)[1:3] == (10, 5)
    with pytest.raises(InsufficientStock):
        world.stock.change(reserve_one(ONE, 6, "r-2"))
