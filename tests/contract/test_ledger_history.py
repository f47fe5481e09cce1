"""The ledger port: every event can be read again by its sequence."""

import pytest
from support.given import WRITER, Clock, adding, item

from inventory.domain.idempotency import IdempotencyKey
from inventory.service.ports.event_history import EventHistory

HERE, THERE = item("sku-1"), item("sku-2")
MANY = 30


@pytest.fixture
def history(ledger, clock: Clock) -> EventHistory:
    for number in range(MANY):
        changes = ((HERE, 2), (THERE, 3)) if number % 3 == 0 else ((HERE, 1),)
        key = IdempotencyKey(f"key-{number}", "hash")
        ledger.submit([at for at, _ in changes], adding(*changes), key).wait()
        clock.advance(ms=10)
    return ledger.history


def test_an_empty_ledger_has_no_events(ledger):
    history = ledger.history
    assert (history.latest(), history.earliest(archived=True), history.earliest(archived=False)) == (0, 1, 1)
    assert list(history.events(1, 10, archived=True)) == []


def test_the_latest_and_the_earliest_event_are_known(history: EventHistory):
    assert (history.latest(), history.earliest(archived=True), history.earliest(archived=False)) == (MANY, 1, 1)


@pytest.mark.parametrize("archived", [True, False])
@pytest.mark.parametrize("first", [1, 2, 15, MANY - 1, MANY, MANY + 1, MANY + 5])
@pytest.mark.parametrize("limit", [0, 1, 7, 1000])
def test_events_come_in_order_without_a_gap(history: EventHistory, first: int, limit: int, archived: bool):
    found = [event.sequence for event in history.events(first, limit, archived=archived)]
    assert found == list(range(1, MANY + 1))[first - 1 : first - 1 + limit]


def test_an_event_is_the_one_that_its_writer_was_told(ledger):
    told = [ledger.submit((HERE,), adding((HERE, number))).wait().event for number in (5, 3)]
    assert list(ledger.history.events(1, 10, archived=True)) == told


def test_every_step_leads_to_the_one_before(history: EventHistory):
    events = {event.sequence: event for event in history.events(1, 1000, archived=True)}
    for at, versions in ((HERE, MANY), (THERE, MANY // 3)):
        of_item = [(event.sequence, line) for event in events.values() for line in event.lines if line.item == at]
        assert [line.version for _, line in of_item] == list(range(1, versions + 1))
        assert [line.previous for _, line in of_item] == [0, *(sequence for sequence, _ in of_item)][:-1]


def test_instants_do_not_go_back(ledger_factory):
    clock = Clock()
    ledger = ledger_factory(clock)
    for ms in (0, 500, -900, 100):
        clock.advance(ms=ms)
        ledger.submit((HERE,), adding((HERE, 1))).wait()
    at = [event.at for event in ledger.history.events(1, 10, archived=True)]
    assert at == sorted(at)


def test_a_replayed_key_is_no_event(ledger):
    key = IdempotencyKey("key", "hash")
    for _ in range(3):
        ledger.submit((HERE,), adding((HERE, 1)), key).wait()
    assert (ledger.history.latest(), WRITER.key_ttl_ms > 0) == (1, True)
