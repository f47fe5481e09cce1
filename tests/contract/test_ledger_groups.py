"""What the port promises of changes that are submitted together."""

import pytest
from support.given import adding, item, refusing

from inventory.domain.errors import IdempotencyConflict, InsufficientStock
from inventory.domain.key_table import IdempotencyKey
from inventory.service.ports.change_queue import Submission
from inventory.service.ports.ledger import Ledger

ONE, TWO = item("sku-1"), item("sku-2")
REQUEST = IdempotencyKey("key", "hash")


def own_key(number: int, meaning: str = "hash") -> IdempotencyKey:
    return IdempotencyKey(f"key/{number}", meaning)


def plus_one(number: int, at=ONE, meaning: str = "hash") -> Submission:
    return Submission((at,), adding((at, 1)), own_key(number, meaning))


def test_outcomes_stand_in_the_order_of_the_changes(ledger: Ledger):
    tickets = ledger.submit_all([Submission((at,), adding((at, 1))) for at in (ONE, TWO, ONE, TWO)])
    found = [ticket.wait() for ticket in tickets]
    assert [(one.record.item, one.record.version) for one in found] == [(ONE, 1), (TWO, 1), (ONE, 2), (TWO, 2)]
    assert [one.event.sequence for one in found] == [1, 2, 3, 4]


def test_each_is_an_event_of_its_own(ledger: Ledger):
    events = [ticket.wait().event for ticket in ledger.submit_all([plus_one(0), plus_one(1)])]
    assert [len(event.lines) for event in events] == [1, 1]


def test_what_is_refused_hinders_none_of_the_others(ledger: Ledger):
    refused = Submission((ONE,), refusing(InsufficientStock(ONE, 5, 1)))
    first, second, third = ledger.submit_all([plus_one(0), refused, plus_one(1)], REQUEST)
    with pytest.raises(InsufficientStock):
        second.wait()
    assert (first.wait().record.version, third.wait().record.version) == (1, 2)


def test_none_is_nothing(ledger: Ledger):
    assert (list(ledger.submit_all([])), ledger.status().sequence) == ([], 0)


def test_a_retry_replays_what_is_there_and_runs_what_is_missing(ledger: Ledger):
    refused = Submission((ONE,), refusing(InsufficientStock(ONE, 5, 1)), own_key(1))
    first, _ = ledger.submit_all([plus_one(0), refused], REQUEST)
    before = first.wait()

    again = [ticket.wait() for ticket in ledger.submit_all([plus_one(0), plus_one(1)], REQUEST)]

    assert again[0] == (before.event, True)
    assert (again[1].replayed, again[1].record.version) == (False, 2)


def test_the_key_of_a_request_is_used_once_any_of_its_changes_is_there(ledger: Ledger):
    part = IdempotencyKey("key/1", "hash", "key")
    ledger.submit_all([Submission((ONE,), adding((ONE, 1)), part)], REQUEST)[0].wait()
    with pytest.raises(IdempotencyConflict):
        ledger.submit((TWO,), adding((TWO, 1)), IdempotencyKey("key", "other")).wait()


@pytest.mark.parametrize(
    "used",
    [
        pytest.param(IdempotencyKey("key", "other"), id="the request's"),
        pytest.param(own_key(0, "other"), id="the first change's"),
        pytest.param(own_key(2, "other"), id="the last change's"),
    ],
)
def test_a_key_that_was_used_for_another_request_refuses_all(ledger: Ledger, used: IdempotencyKey):
    ledger.submit((TWO,), adding((TWO, 1)), used).wait()

    tickets = ledger.submit_all([plus_one(number) for number in range(3)], REQUEST)

    for ticket in tickets:
        with pytest.raises(IdempotencyConflict):
            ticket.wait()
    assert (ledger.record(ONE), ledger.status().sequence) == (None, 1)


def test_without_a_request_s_key_a_conflict_is_one_change_s_own(ledger: Ledger):
    ledger.submit((TWO,), adding((TWO, 1)), own_key(0, "other")).wait()

    first, second = ledger.submit_all([plus_one(0), plus_one(1)])

    with pytest.raises(IdempotencyConflict):
        first.wait()
    assert second.wait().record.version == 1


def test_no_change_of_another_comes_between(ledger: Ledger):
    before = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(3)]
    group = ledger.submit_all([plus_one(number) for number in range(200)])
    after = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(3)]

    sequences = [ticket.wait().event.sequence for ticket in [*before, *group, *after]]

    assert sequences == list(range(1, 207))
