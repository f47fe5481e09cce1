"""The ledger port: every event can be read again by its sequence."""

import threading

import pytest
from support.given import START, WRITER, Clock, adding, deciding, event_of, item

from inventory.domain.commands import CountStock
from inventory.domain.errors import ItemNotFound
from inventory.domain.events import LEDGER_RESTORED, Event, Line, record_after
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant, ItemId
from inventory.service.history import HistoryService
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


def test_an_empty_ledger_has_no_ids_and_the_first_event_names_ledger_and_timeline(ledger):
    assert ledger.history.ids() == LedgerIds(None, None)
    first = ledger.submit((HERE,), adding((HERE, 1))).wait().event.event_id
    assert ledger.history.ids() == LedgerIds(first, first)
    ledger.submit((HERE,), adding((HERE, 1))).wait()
    assert ledger.history.ids() == LedgerIds(first, first)


def restored_events() -> list[Event]:
    """Two events of one record, and between them that of a restore."""
    counted = [event_of(n, Line(HERE, 1, 0, n // 2 + 1, 0, n // 2 + 1, n - 2 if n > 1 else 0)) for n in (1, 3)]
    return [counted[0], event_of(2)._replace(type=LEDGER_RESTORED), counted[1]]


def test_a_restore_begins_a_timeline_of_the_same_ledger(ledger_factory):
    ledger = ledger_factory(Clock(), events=restored_events())
    assert ledger.history.ids() == LedgerIds("event-1", "event-2")
    ledger.submit((HERE,), adding((HERE, 1))).wait()
    assert ledger.history.ids() == LedgerIds("event-1", "event-2")


def test_a_restore_changes_no_record_and_is_in_the_feed_without_lines(ledger_factory):
    ledger = ledger_factory(Clock(), events=restored_events())
    assert ledger.submit((HERE,), adding((HERE, 1))).wait().record.version == 3
    (restore,) = ledger.history.events(2, 1, archived=True)
    assert (restore.type, restore.lines) == (LEDGER_RESTORED, ())
    assert [step.event.sequence for step in ledger.history.of_record(HERE, 4, 9)] == [4, 3, 1]
    assert ledger.history.latest_by(START) == 4
    assert ledger.status().broken == 0


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


def test_a_wait_for_what_is_there_ends_at_once(history: EventHistory):
    assert history.wait_beyond(MANY - 1, 0) is True


def test_a_wait_for_what_does_not_come_ends_in_time(history: EventHistory):
    assert history.wait_beyond(MANY, 0) is False
    assert history.wait_beyond(MANY, 0.001) is False


def test_a_wait_ends_with_the_event_that_is_waited_for(ledger, history: EventHistory):
    found: list[bool] = []
    waiting = threading.Thread(target=lambda: found.append(history.wait_beyond(MANY, 60)))
    waiting.start()
    ledger.submit((HERE,), adding((HERE, 1))).wait()
    waiting.join(30)
    assert found == [True]


@pytest.mark.parametrize("number", [1, 2, 15, MANY - 1, MANY])
def test_the_latest_event_by_an_instant_is_the_last_that_is_not_after_it(history: EventHistory, number: int):
    # Events are 10 ms apart.
    (event,) = history.events(number, 1, archived=True)
    assert [history.latest_by(Instant(event.at + more)) for more in (-1, 0, 1, 9_999)] == [number - 1, *[number] * 3]


def test_of_events_of_one_instant_the_last_is_the_latest(ledger):
    for _ in range(5):
        ledger.submit((HERE,), adding((HERE, 1))).wait()
    (event,) = ledger.history.events(1, 1, archived=True)
    assert [ledger.history.latest_by(Instant(event.at + more)) for more in (-1, 0)] == [0, 5]


def test_an_empty_ledger_has_none_by_any_instant(ledger, clock: Clock):
    assert ledger.history.latest_by(clock()) == 0


def steps(history: EventHistory, at: ItemId, before: int, limit: int) -> list[tuple[int, int]]:
    """Sequence and version of each step, from part to part."""
    found: list[tuple[int, int]] = []
    while before and len(found) < limit:
        part = history.of_record(at, before, limit - len(found))
        assert part
        found += [(step.event.sequence, step.line.version) for step in part]
        before = part[-1].line.previous
    return found


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_the_steps_of_a_record_lead_back_from_any_of_its_events(history: EventHistory, limit: int):
    of_there = [(sequence, version) for version, sequence in enumerate(range(1, MANY + 1, 3), 1)]
    for place, (sequence, _) in enumerate(of_there):
        assert steps(history, THERE, sequence, limit) == of_there[place::-1][:limit]


def test_no_more_steps_are_given_than_are_asked_for(history: EventHistory):
    assert [len(history.of_record(HERE, MANY, limit)) for limit in (0, 1)] == [0, 1]
    assert len(history.of_record(HERE, MANY, 5)) <= 5


@pytest.mark.parametrize("sequence", [2, MANY + 1])
def test_from_what_is_no_event_of_the_record_there_are_no_steps(history: EventHistory, sequence: int):
    assert list(history.of_record(THERE, sequence, 5)) == []


@pytest.fixture
def service(ledger, history: EventHistory) -> HistoryService:
    return HistoryService(ledger, history)


def test_pages_of_a_history_meet_every_step_once(service: HistoryService):
    met, before = [], None
    while True:
        page = service.of_record(HERE, before, 7)
        met += [step.line.version for step in page.steps]
        before = page.next_before
        if before is None:
            break
    assert (met, page.as_of_sequence) == (list(range(MANY, 0, -1)), MANY)


def test_a_record_is_shown_as_it_was_after_any_event(ledger, service: HistoryService, history: EventHistory):
    then = None
    for event in history.events(1, MANY, archived=True):
        then = next((record_after(line, event.sequence, event.at) for line in event.lines if line.item == THERE), then)
        assert service.record_at(THERE, sequence=event.sequence) == then
        assert service.record_at(THERE, at=event.at) == then
    assert then == ledger.record(THERE)


def test_before_its_first_event_a_record_is_not_there(service: HistoryService, history: EventHistory):
    (first,) = history.events(1, 1, archived=True)
    for asked in ({"sequence": 0}, {"at": Instant(first.at - 1)}):
        with pytest.raises(ItemNotFound):
            service.record_at(HERE, **asked)


def test_a_count_knows_what_was_there_at_the_version_that_was_on_the_screen(ledger, service: HistoryService):
    # 2 units with the first event, then 1; 2 again with each third.
    assert service.seen_at(HERE, 3, "countedAtVersion") == (4, MANY)
    ledger.submit((HERE,), deciding(CountStock(HERE, 100))).wait()
    assert service.seen_at(HERE, MANY, "countedAtVersion")[1] == MANY + 1
