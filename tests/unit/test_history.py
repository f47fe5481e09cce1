"""HistoryService over the ledger in memory: pages of the feed, and waiting for more."""

import pytest
from support.partial_history import HERE, Ledger, Time, World

from inventory.domain.errors import ValidationFailed
from inventory.service.history import HistoryService
from inventory.service.ports.event_history import FeedGone


@pytest.fixture
def service(past: World) -> HistoryService:
    return past.service


def test_a_page_holds_what_came_after(ten: Ledger, service: HistoryService):
    page = service.page(3, 4)
    assert ([event.sequence for event in page.events], page.as_of_sequence) == ([4, 5, 6, 7], 10)


def test_a_page_after_the_latest_is_empty(ten: Ledger, service: HistoryService):
    page = service.page(10, 4)
    assert (page.events, page.as_of_sequence, page.withheld) == ([], 10, False)


def test_a_place_that_has_not_come_yet_is_refused(ten: Ledger, service: HistoryService):
    with pytest.raises(ValidationFailed, match="does not exist yet"):
        service.page(11, 4)


def test_nothing_on_a_page_is_newer_than_the_sequence_as_of_which_it_is(ten: Ledger, service: HistoryService):
    # One more happens between the two looks at the log.
    ten.part.on_read = lambda: ten.add((HERE, 1))
    page = service.page(8, 100)
    assert ([event.sequence for event in page.events], page.as_of_sequence) == ([9, 10], 10)


def test_a_feed_that_was_compacted_cannot_go_on_without_saying_so(ten: Ledger, service: HistoryService):
    ten.part.compacted = 4
    with pytest.raises(FeedGone) as gone:
        service.page(3, 4)
    assert (gone.value.earliest, "asOfSequence" in str(gone.value)) == (5, True)
    assert service.page(4, 1).events[0].sequence == 5


def test_a_compaction_between_the_look_and_the_read_is_told_as_one(ten: Ledger, service: HistoryService):
    ten.part.on_read = lambda: setattr(ten.part, "compacted", 6)
    with pytest.raises(FeedGone) as gone:
        service.page(3, 4)
    assert gone.value.earliest == 7


def test_a_wait_ends_with_the_event(ten: Ledger, service: HistoryService, time: Time):
    time.on_sleep = lambda: ten.add((HERE, 1))
    assert (service.wait_for(10, 25), len(time.slept)) == (True, 1)


def test_an_event_is_told_soon_after_it_has_happened_and_the_log_is_not_asked_all_the_time(
    ten: Ledger, service: HistoryService, time: Time
):
    # It happens 2 seconds from now.
    time.on_sleep = lambda: ten.add((HERE, 1)) if time.now >= 2 and len(ten.events) == 10 else None
    assert service.wait_for(10, 25) is True
    assert 2 <= time.now < 2.1
    assert len(time.slept) < 100


def test_a_wait_for_what_is_there_does_not_wait(ten: Ledger, service: HistoryService, time: Time):
    assert (service.wait_for(9, 25), time.slept) == (True, [])


def test_a_wait_ends_after_its_time(ten: Ledger, service: HistoryService, time: Time):
    assert service.wait_for(10, 25) is False
    assert time.now == pytest.approx(25)


def test_a_wait_ends_when_the_process_does(ten: Ledger, service: HistoryService, time: Time):
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True

    time.on_sleep = stop
    assert service.wait_for(10, 25, stopping=lambda: stopping) is False
    assert len(time.slept) == 1
