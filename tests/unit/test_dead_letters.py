"""DeadLetters: what is noted, after how many tries, and that one process at a time does it."""

import pytest
from support.dead_letters import BREAK, ONE, TRIES, TWO, BrokenLedger, BrokenWorld, at, broken_events
from support.given import START, event_of, item

from inventory.domain.dead_letter import Break, Figures
from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Line
from inventory.service import dead_letters as module
from inventory.service.ports.dead_letter_store import DeadLetter
from inventory.service.ports.stock_reads import PageRequest


def test_a_break_becomes_a_letter_with_everything_there_is_to_say(world: BrokenWorld):
    world.letters.note_new()
    [letter] = world.kept.entries
    assert (letter.sequence, letter.item, letter.event_id, letter.type, letter.at) == (
        BREAK, ONE, "event-2", "test.changed", START,
    )  # fmt: skip
    assert (letter.line, letter.before) == (Line(ONE, 1, 0, 7, 0, 3), Figures(5, 0, 1))
    assert letter.reason == "version is 3, expected 2; on hand is 7, expected 6"
    assert (letter.state, letter.settled, letter.noted_at) == ("dead", None, START)


def test_an_event_is_tried_as_often_as_is_set_with_growing_pauses(world: BrokenWorld):
    world.letters.note_new()
    assert (world.kept.entries[0].tries, world.ledger.reads, len(world.pauses)) == (TRIES, TRIES, TRIES - 1)
    assert world.pauses == sorted(world.pauses)


@pytest.mark.parametrize("failures", [1, TRIES - 1])
def test_a_read_that_fails_is_one_of_the_tries(world: BrokenWorld, failures: int):
    world.ledger.unreadable = failures
    world.letters.note_new()
    assert (world.kept.entries[0].tries, world.kept.entries[0].line) == (TRIES, Line(ONE, 1, 0, 7, 0, 3))


def test_an_event_that_no_try_could_read_is_a_letter_without_its_line(world: BrokenWorld):
    world.ledger.unreadable = TRIES
    world.letters.note_new()
    [letter] = world.kept.entries
    assert (letter.tries, letter.line, letter.event_id, letter.reason) == (TRIES, None, None, "injected")
    assert letter.before == Figures(5, 0, 1)


def test_many_breaks_share_their_tries(world: BrokenWorld):
    for number in range(50):
        world.ledger.has(event_of(4 + number, Line(item(f"more-{number}"), 1, 0, 1, 0, 2)))
    world.letters.note_new()
    assert (len(world.kept.entries), len(world.pauses)) == (51, TRIES - 1)


def test_of_more_breaks_than_one_pass_takes_each_becomes_one_letter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    items = [item(f"more-{number}") for number in range(5)]
    world = BrokenWorld(BrokenLedger([event_of(number, Line(at, 1, 0, 1, 0, 2)) for number, at in enumerate(items, 1)]))
    added = [world.letters.note_new() for _ in range(4)]
    assert added == [2, 2, 1, 0]
    assert world.noted() == [(number, at, "dead") for number, at in enumerate(items, 1)]


def test_a_letter_whose_break_was_not_looked_at_in_a_pass_stays_dead(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "AT_ONCE", 1)
    items = [item(f"more-{number}") for number in range(5)]
    world = BrokenWorld(BrokenLedger([event_of(number, Line(at, 1, 0, 1, 0, 2)) for number, at in enumerate(items, 1)]))
    # As another process has noted it that knew this one alone.
    world.kept.append([DeadLetter(5, items[4], None, None, None, None, None, "unknown", 1, START)])
    world.letters.note_new()
    assert world.noted() == [(5, items[4], "dead"), (1, items[0], "dead")]


def test_letters_are_noted_in_the_order_of_the_log(world: BrokenWorld):
    world.ledger.has(event_of(4, Line(TWO, 1, 0, 1, 0, 9)))
    world.letters.note_new()
    assert world.noted() == [(BREAK, ONE, "dead"), (4, TWO, "dead")]


def test_an_event_that_breaks_two_records_is_two_letters():
    world = BrokenWorld(BrokenLedger([event_of(1, Line(ONE, 1, 0, 1, 0, 2), Line(TWO, 1, 0, 1, 0, 2))]))
    world.letters.note_new()
    assert world.noted() == [(1, ONE, "dead"), (1, TWO, "dead")]


def test_what_is_noted_is_not_noted_again(world: BrokenWorld):
    assert [world.letters.note_new(), world.letters.note_new(), world.process().note_new()] == [1, 0, 0]


def test_nothing_is_noted_that_a_power_cut_could_take_back(world: BrokenWorld):
    world.ledger.durable = BREAK - 1
    assert world.letters.note_new() == 0
    world.ledger.durable = BREAK
    assert world.letters.note_new() == 1


def test_while_another_process_is_at_it_nothing_is_tried(world: BrokenWorld):
    world.kept.is_free = False
    assert (world.letters.note_new(), world.ledger.reads) == (0, 0)


def test_a_process_that_cannot_read_the_log_as_it_is_notes_nothing(world: BrokenWorld):
    world.ledger.read_only = "the log is damaged"
    assert world.letters.note_new() == 0


def test_letters_that_could_not_be_noted_are_noted_some_seconds_later(world: BrokenWorld):
    world.kept.full = True
    with pytest.raises(StorageUnavailable):
        world.letters.note_new()
    world.kept.full = False
    assert world.letters.note_new() == 0
    world.clock.advance(ms=15_000)
    assert world.letters.note_new() == 1


def test_an_event_that_continues_when_it_is_read_again_is_no_letter_and_is_reported_once(world: BrokenWorld, caplog):
    world.ledger._state.broken[TWO] = Break(3, Figures(0, 0, 0))
    world.letters.note_new()
    world.letters.note_new()
    assert world.noted() == [(BREAK, ONE, "dead")]
    assert caplog.text.count("read again, event 3 does continue sku-2 in store-1") == 1


def test_a_letter_of_a_log_that_was_replaced_is_gone(world: BrokenWorld):
    world.letters.note_new()
    world.ledger = BrokenLedger([broken_events()[0], event_of(2, Line(ONE, 1, 0, 6, 0, 2))])
    world.process().note_new()
    assert world.noted()[1:] == [(BREAK, ONE, "gone")]


def test_a_record_that_breaks_again_is_another_letter(world: BrokenWorld):
    world.letters.settle(BREAK, None, "discard", "anna", None)
    world.ledger.has(event_of(5, Line(ONE, 1, 0, 1, 0, 9)))
    world.letters.note_new()
    assert [at(letter) for letter in world.kept.all()] == [(BREAK, ONE, "discarded"), (5, ONE, "dead")]
    assert world.letters.how_many_dead() == 1


def test_a_page_goes_up_to_just_before_the_first_break_that_is_not_noted(world: BrokenWorld):
    assert world.letters.page(PageRequest()).as_of_sequence == BREAK - 1
    world.letters.note_new()
    assert world.letters.page(PageRequest()).as_of_sequence == 3
