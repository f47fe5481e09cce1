"""The ledger port: idempotency keys and deliveries."""

import pytest
from support.given import WRITER, Clock, adding, deciding, item, refusing
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock
from inventory.domain.errors import IdempotencyConflict, ItemNotFound
from inventory.domain.events import Delivery
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import Instant
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.ledger import Ledger

HERE = item()
KEY = IdempotencyKey("key", "hash")
DELIVERY = Delivery("source", "id")
NEVER_AGAIN = refusing(AssertionError("decided again"))


def add(ledger: Ledger, key: IdempotencyKey | Delivery | None = None) -> Outcome:
    return ledger.submit((HERE,), adding((HERE, 1)), key).wait()


def test_the_first_use_of_a_key_is_no_replay(ledger: Ledger):
    assert not add(ledger, KEY).replayed


def test_a_used_key_gives_the_first_event_and_decides_nothing(ledger: Ledger):
    first = add(ledger, KEY)
    again = ledger.submit((HERE,), NEVER_AGAIN, KEY).wait()
    assert (again.event, again.record, again.replayed) == (first.event, first.record, True)


def test_a_replay_gives_the_first_answer_though_the_record_has_moved_on(ledger: Ledger):
    first = add(ledger, KEY)
    add(ledger)
    assert add(ledger, KEY).record == first.record


def test_a_used_key_with_another_meaning_conflicts_and_changes_nothing(ledger: Ledger):
    first = add(ledger, KEY)
    with pytest.raises(IdempotencyConflict):
        add(ledger, IdempotencyKey("key", "other"))
    assert ledger.record(HERE) == first.record


def test_different_keys_are_different_changes(ledger: Ledger):
    for number in range(20):
        add(ledger, IdempotencyKey(f"key-{number}", "hash"))
    assert ledger.record(HERE).version == 20


def test_a_key_under_which_the_answer_was_no_can_be_tried_again(ledger: Ledger):
    with pytest.raises(ItemNotFound):
        ledger.submit((HERE,), deciding(AdjustStock(HERE, 1)), KEY).wait()
    assert not add(ledger, KEY).replayed


def test_a_key_is_remembered_until_its_last_microsecond(ledger: Ledger, clock: Clock):
    first = add(ledger, KEY)
    assert first.event.key_use.expires_at == clock() + WRITER.key_ttl_ms * 1000
    clock.at = first.event.key_use.expires_at - 1
    assert add(ledger, KEY).replayed


def test_a_key_that_has_ended_can_be_used_for_something_else(ledger: Ledger, clock: Clock):
    add(ledger, KEY)
    clock.advance(ms=WRITER.key_ttl_ms)
    again = add(ledger, IdempotencyKey("key", "other"))
    assert (again.replayed, again.record.version) == (False, 2)


def test_a_key_that_is_used_again_is_remembered_again(ledger: Ledger, clock: Clock):
    add(ledger, KEY)
    clock.advance(ms=WRITER.key_ttl_ms)
    second = add(ledger, KEY)
    clock.advance(ms=WRITER.key_ttl_ms - 1)
    assert add(ledger, KEY) == (second.event, True)


@pytest.mark.parametrize("key", [KEY, DELIVERY], ids=["key", "delivery"])
def test_one_key_16_times_at_once_changes_once_and_gives_16_equal_answers(ledger: Ledger, key):
    outcomes = run_parallel([lambda: add(ledger, key)] * 16, at_once=16)
    assert {outcome.event for outcome in outcomes} == {outcomes[0].event}
    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert ledger.record(HERE).version == 1


def test_one_key_twice_before_anybody_waits_changes_once(ledger: Ledger):
    tickets = [ledger.submit((HERE,), adding((HERE, 1)), KEY) for _ in range(2)]
    first, again = (ticket.wait() for ticket in tickets)
    assert (first.event, first.replayed, again.replayed) == (again.event, False, True)


def test_a_delivery_is_skipped_the_second_time(ledger: Ledger):
    first = add(ledger, DELIVERY)
    again = ledger.submit((HERE,), NEVER_AGAIN, DELIVERY).wait()
    assert (again, first.event.delivery) == ((first.event, True), DELIVERY)


def test_a_delivery_is_never_forgotten(ledger: Ledger, clock: Clock):
    first = add(ledger, DELIVERY)
    clock.at = Instant(first.event.at * 2)
    add(ledger)
    assert add(ledger, DELIVERY).replayed


def test_the_same_id_from_another_source_is_another_event(ledger: Ledger):
    add(ledger, DELIVERY)
    assert not add(ledger, Delivery("other", "id")).replayed


def test_a_key_and_a_delivery_of_the_same_text_are_two_things(ledger: Ledger):
    add(ledger, Delivery("key", "hash"))
    assert not add(ledger, IdempotencyKey("key", "hash")).replayed
