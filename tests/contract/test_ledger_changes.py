"""The ledger port: what submit and wait promise."""

import threading
from collections.abc import Callable

import pytest
from support.given import Clock, adding, deciding, item, refusing

from inventory.domain.commands import AdjustStock, CountStock, Note
from inventory.domain.decide import StateView
from inventory.domain.errors import InsufficientStock, ItemNotFound, Refusal
from inventory.domain.events import Change, Draft
from inventory.domain.hold_commands import reserve_one
from inventory.domain.record import Record
from inventory.domain.values import Instant
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.ledger import Ledger

ONE, TWO, THREE = (item(f"sku-{number}") for number in (1, 2, 3))


def add(ledger: Ledger, *changes) -> Outcome:
    return ledger.submit([at for at, _ in changes], adding(*changes)).wait()


def test_an_empty_ledger_knows_nothing(ledger: Ledger):
    assert (ledger.record(ONE), ledger.status().sequence, ledger.queue_depth()) == (None, 0, 0)


def test_a_change_is_there_when_its_ticket_says_so(ledger: Ledger, clock: Clock):
    outcome = add(ledger, (ONE, 5))
    assert ledger.record(ONE) == outcome.record == Record(ONE, 5, 0, 1, 1, clock())


def test_the_outcome_says_what_happened_when_and_where(ledger: Ledger, clock: Clock):
    draft = Draft("stock.adjusted", (Change(ONE, 7, 2),), Note("anna", "request-1", "why", "what for"))
    event = ledger.submit((ONE,), lambda *_: draft).wait().event
    assert (event.type, event.note) == (draft.type, draft.note)
    assert (event.sequence, event.at, event.node) == (1, clock(), "node-1")


def test_a_ticket_need_not_be_waited_for(ledger: Ledger):
    ledger.submit((ONE,), adding((ONE, 5)))
    assert add(ledger, (ONE, 1)).record.on_hand == 6


def test_a_waiter_is_told_that_a_change_is_resolved(ledger: Ledger):
    ticket = ledger.submit((ONE,), adding((ONE, 5)))
    told, again = threading.Event(), threading.Event()

    ticket.on_resolved(told.set)

    assert told.wait(10)
    assert ticket.wait().record.on_hand == 5
    ticket.on_resolved(again.set)
    assert again.is_set()


def test_decide_is_given_the_state_and_the_instant(ledger: Ledger, clock: Clock):
    before = add(ledger, (ONE, 5)).record
    clock.advance(ms=250)
    seen = []

    def decided(state: StateView, now: Instant) -> Draft:
        seen.append((state.record(ONE), state.record(TWO), now))
        return Draft("test.changed", (Change(ONE, 1),))

    event = ledger.submit((ONE, TWO), decided).wait().event
    assert (seen[-1], event.at) == ((before, None, clock()), clock())


def test_changes_of_one_entity_run_in_the_order_in_which_they_were_submitted(ledger: Ledger):
    tickets = [ledger.submit((ONE,), adding((ONE, number))) for number in range(1, 51)]
    outcomes = [ticket.wait() for ticket in tickets]
    assert [outcome.event.lines[0].on_hand_delta for outcome in outcomes] == list(range(1, 51))
    assert [outcome.record.version for outcome in outcomes] == list(range(1, 51))


def test_sequences_have_no_gaps_whatever_was_refused(ledger: Ledger):
    tickets = []
    for _ in range(10):
        tickets.append(ledger.submit((ONE,), adding((ONE, 1))))
        ledger.submit((TWO,), refusing(ItemNotFound(TWO)))
    assert [ticket.wait().event.sequence for ticket in tickets] == list(range(1, 11))


def test_every_event_has_an_id_of_its_own(ledger: Ledger):
    assert len({add(ledger, (ONE, 1)).event.event_id for _ in range(20)}) == 20


def test_a_change_of_several_entities_is_one_event(ledger: Ledger):
    event = add(ledger, (ONE, 1), (TWO, 2), (THREE, 3)).event
    assert [ledger.record(at) for at in (ONE, TWO, THREE)] == [
        Record(at, number, 0, 1, event.sequence, event.at) for number, at in enumerate((ONE, TWO, THREE), 1)
    ]


def test_a_change_of_several_entities_changes_all_or_nothing(ledger: Ledger):
    before = [add(ledger, (at, 5)).record for at in (ONE, TWO)]

    def decided(state: StateView, now: Instant) -> Draft:
        taken = Change(ONE, -5)
        if state.record(TWO).qty < 6:
            raise InsufficientStock(TWO, 6, state.record(TWO).qty)
        return Draft("test.changed", (taken, Change(TWO, -6)))

    with pytest.raises(InsufficientStock):
        ledger.submit((ONE, TWO), decided).wait()
    assert [ledger.record(at) for at in (ONE, TWO)] == before


@pytest.mark.parametrize(
    "command", [AdjustStock(ONE, -6), reserve_one(ONE, 6, "r-1"), CountStock(ONE, -1), AdjustStock(TWO, 1)]
)
def test_a_refusal_changes_nothing(ledger: Ledger, command):
    before = add(ledger, (ONE, 5)).record
    with pytest.raises(Refusal):
        ledger.submit(command.entities, deciding(command)).wait()
    assert (ledger.record(ONE), ledger.record(TWO), ledger.status().sequence) == (before, None, 1)


def test_a_refusal_is_raised_as_it_was_with_its_figures(ledger: Ledger):
    add(ledger, (ONE, 5))
    with pytest.raises(InsufficientStock) as refusal:
        ledger.submit((ONE,), deciding(AdjustStock(ONE, -6))).wait()
    assert (refusal.value.requested, refusal.value.available) == (6, 5)


def test_a_bug_in_decide_reaches_its_own_waiter_only(ledger: Ledger):
    before = ledger.submit((ONE,), adding((ONE, 1)))
    broken = ledger.submit((ONE,), refusing(ZeroDivisionError("bug")))
    after = ledger.submit((ONE,), adding((ONE, 1)))
    with pytest.raises(ZeroDivisionError):
        broken.wait()
    assert [before.wait().record.version, after.wait().record.version] == [1, 2]


@pytest.mark.parametrize(
    "changes", [((TWO, 1),), ((ONE, 1), (TWO, 1)), ((ONE, 1), (ONE, 1)), ()], ids=["other", "more", "twice", "none"]
)
def test_a_draft_that_is_not_of_the_submitted_entities_changes_nothing(ledger: Ledger, changes):
    with pytest.raises(ValueError, match=r"which was not submitted|changes nothing"):
        ledger.submit((ONE,), adding(*changes)).wait()
    assert (ledger.record(ONE), ledger.record(TWO), ledger.status().sequence) == (None, None, 0)


@pytest.mark.parametrize(
    "look",
    [
        lambda state: state.record(TWO),
        lambda state: state.broken_record(TWO),
        lambda state: state.held_of(TWO),
        lambda state: state.reservation("r-1"),
    ],
    ids=["record", "broken record", "held", "reservation"],
)
@pytest.mark.parametrize("many", [1, 20])
def test_a_decision_that_looks_at_what_was_not_submitted_is_a_bug_and_changes_nothing(
    ledger: Ledger, look: Callable[[StateView], object], many: int
):
    add(ledger, (TWO, 5))
    submitted = [ONE, *(item(f"more-{number}") for number in range(many - 1))]

    def decided(state: StateView, now: Instant) -> Draft:
        for at in submitted:
            state.record(at)
        look(state)
        return Draft("test.changed", (Change(ONE, 1),))

    with pytest.raises(ValueError, match="was not submitted with it"):
        ledger.submit(submitted, decided).wait()
    assert (ledger.record(ONE), ledger.status().sequence) == (None, 1)


def test_time_that_is_set_back_does_not_go_back_in_the_log(ledger: Ledger, clock: Clock):
    first = add(ledger, (ONE, 1)).event
    clock.advance(ms=-5000)
    assert add(ledger, (ONE, 1)).event.at >= first.at


def test_a_ticket_that_is_asked_again_says_the_same(ledger: Ledger):
    ticket = ledger.submit((ONE,), adding((ONE, 5)))
    assert ticket.wait() == ticket.wait()
