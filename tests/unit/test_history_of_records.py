"""HistoryService over the ledger in memory: the history of a record, and records as they were."""

from collections.abc import Iterator

import pytest
from support.given import START, event_of
from support.partial_history import HERE, THERE, Ledger, Time, World

from inventory.domain.errors import ItemNotFound, Overloaded, ValidationFailed
from inventory.domain.events import Line
from inventory.domain.values import Instant
from inventory.service import history as module
from inventory.service.history import HistoryService
from inventory.service.ports.event_history import EventsGone


@pytest.fixture
def service(past: World) -> HistoryService:
    return past.service


def steps(service: HistoryService, before: int | None = None, limit: int = 100) -> list[int]:
    return [event.sequence for event, _ in service.of_record(HERE, before, limit).steps]


def walking(service: HistoryService, before: int | None = None, limit: int = 2) -> Iterator[int]:
    page = service.of_record(HERE, before, limit)
    yield from (event.sequence for event, _ in page.steps)
    if page.next_before is not None:
        yield from walking(service, page.next_before, limit)


def test_a_history_is_the_steps_of_one_record_the_latest_first(ten: Ledger, service: HistoryService):
    page = service.of_record(HERE, None, 100)
    assert [event.sequence for event, _ in page.steps] == [9, 7, 5, 3, 1]
    assert [line.version for _, line in page.steps] == [5, 4, 3, 2, 1]
    assert (page.next_before, page.as_of_sequence) == (None, 9)


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_walking_from_page_to_page_meets_every_step_once(ten: Ledger, service: HistoryService, limit: int):
    assert list(walking(service, limit=limit)) == [9, 7, 5, 3, 1]


@pytest.mark.parametrize("before", [2, 11])
def test_a_cursor_that_is_no_step_of_the_record_is_refused(ten: Ledger, service: HistoryService, before: int):
    with pytest.raises(ValidationFailed, match="does not belong to this record"):
        steps(service, before)


def test_a_history_of_nothing_is_not_found():
    with pytest.raises(ItemNotFound):
        steps(World(events=0).service)


def test_where_the_beginning_was_deleted_the_steps_that_are_there_are_told(ten: Ledger, service: HistoryService):
    ten.part.compacted = ten.part.deleted = 4
    page = service.of_record(HERE, None, 100)
    assert ([event.sequence for event, _ in page.steps], page.next_before) == ([9, 7, 5], 3)
    with pytest.raises(EventsGone) as gone:
        steps(service, page.next_before)
    assert gone.value.earliest == 5


def test_what_was_compacted_is_in_the_history_still(ten: Ledger, service: HistoryService):
    ten.part.compacted = 8
    assert steps(service) == [9, 7, 5, 3, 1]


def test_a_step_that_does_not_say_where_the_one_before_is_ends_the_history():
    world = World(events=0)
    ledger, service = world.ledger, world.service
    ledger.has(event_of(1, Line(HERE, 5, 0, 5, 0, 1)))
    ledger.has(event_of(2, Line(HERE, 1, 0, 6, 0, 2)))
    ledger.add((HERE, 1))
    page = service.of_record(HERE, None, 100)
    assert ([line.version for _, line in page.steps], page.next_before) == ([3, 2], None)
    with pytest.raises(EventsGone):
        service.record_at(HERE, sequence=1)


def test_a_history_that_takes_too_long_goes_on_on_the_next_page(ten: Ledger, service: HistoryService, time: Time):
    ten.part.on_read = lambda: time.sleep(module.LONGEST_SECONDS / 2)
    page = service.of_record(HERE, None, 100)
    assert ([event.sequence for event, _ in page.steps], page.next_before) == ([9, 7], 5)


@pytest.mark.parametrize(("sequence", "version"), [(1, 1), (2, 1), (3, 2), (8, 4), (9, 5), (10, 5)])
def test_a_record_is_shown_as_it_was(ten: Ledger, service: HistoryService, sequence: int, version: int):
    record = service.record_at(HERE, sequence=sequence)
    assert (record.version, record.on_hand, record.sequence) == (version, version, 2 * version - 1)


def test_a_record_that_was_not_there_yet_is_not_found(ten: Ledger, service: HistoryService):
    with pytest.raises(ItemNotFound):
        service.record_at(THERE, sequence=1)


def test_a_record_cannot_be_shown_as_of_what_has_not_happened(ten: Ledger, service: HistoryService):
    with pytest.raises(ValidationFailed, match="does not exist yet"):
        service.record_at(HERE, sequence=11)


def test_a_record_as_of_what_was_deleted_is_gone(ten: Ledger, service: HistoryService):
    ten.part.compacted = ten.part.deleted = 4
    assert service.record_at(HERE, sequence=5).version == 3
    with pytest.raises(EventsGone):
        service.record_at(HERE, sequence=4)


def test_a_record_whose_last_change_was_deleted_is_what_it_is_now(ten: Ledger, service: HistoryService):
    ten.part.compacted = ten.part.deleted = 9
    now = ten.record(HERE)
    assert service.record_at(HERE, sequence=9) == service.record_at(HERE, sequence=10) == now
    assert service.record_at(HERE, at=Instant(START + 8_000_000)) == now


def test_before_its_last_change_a_record_whose_last_change_was_deleted_is_gone(ten: Ledger, service: HistoryService):
    ten.part.compacted = ten.part.deleted = 9
    for when in ({"sequence": 8}, {"at": Instant(START + 7_999_999)}):
        with pytest.raises(EventsGone):
            service.record_at(HERE, **when)


@pytest.mark.parametrize(("ms", "version"), [(0, 1), (1, 1), (1999, 1), (2000, 2), (7999, 4), (8000, 5), (10**9, 5)])
def test_a_record_is_shown_as_it_was_at_an_instant(ten: Ledger, service: HistoryService, ms: int, version: int):
    assert service.record_at(HERE, at=Instant(START + ms * 1000)).version == version


def test_before_its_first_event_a_record_was_not_there(ten: Ledger, service: HistoryService):
    with pytest.raises(ItemNotFound):
        service.record_at(HERE, at=Instant(START - 1))


def test_of_several_changes_at_one_instant_the_last_counts():
    world = World(events=0)
    ledger, service = world.ledger, world.service
    for _ in range(4):
        ledger.add((HERE, 1))
    ledger.clock.advance(ms=1)
    ledger.add((HERE, 1))
    assert service.record_at(HERE, at=START).version == 4


def test_a_walk_that_takes_too_long_is_given_up(ten: Ledger, service: HistoryService, time: Time):
    ten.part.on_read = lambda: time.sleep(module.LONGEST_SECONDS / 2)
    assert service.record_at(HERE, sequence=8).version == 4
    with pytest.raises(Overloaded):
        service.record_at(HERE, sequence=1)


def test_few_may_look_far_back_at_once_and_their_places_come_free(
    ten: Ledger, service: HistoryService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "NEAR", 2)
    refused: list[bool] = []

    def ask_meanwhile() -> None:
        # Only while a request reads far back; the request inside it starts no further one.
        ten.part.on_read = lambda: None
        if service._far.at_work:
            with pytest.raises(Overloaded):
                service.record_at(HERE, sequence=1)
            assert service.record_at(HERE, sequence=8).version == 4
            refused.append(True)
        else:
            ten.part.on_read = ask_meanwhile

    ten.part.on_read = ask_meanwhile
    assert service.record_at(HERE, sequence=1).version == 1
    assert (refused, service._far.at_work) == ([True], 0)


def test_a_history_is_short_where_too_many_look_far_back(
    ten: Ledger, service: HistoryService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "NEAR", 2)
    assert service._far.enter()
    page = service.of_record(HERE, None, 100)
    assert ([event.sequence for event, _ in page.steps], page.next_before) == ([9, 7], 5)
