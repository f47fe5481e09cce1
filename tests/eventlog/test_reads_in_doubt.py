"""After a failed flush, reads show durable events only, and say up to which event."""

import errno
from collections.abc import Callable

import pytest
from support.folder import ONE, TWO, Folder, Shim, add, failing
from support.given import deciding, item

from inventory.domain.commands import WantedLine
from inventory.domain.errors import NeedsOperator, StorageUnavailable, ValidationFailed
from inventory.domain.hold_commands import CommitHold, ExtendHold, HoldStock
from inventory.domain.values import Instant
from inventory.eventlog.ledger import FileLedger
from inventory.service.history import HistoryService
from inventory.service.ports.stock_reads import PageRequest, ReservationRequest

EIO, SYNC = OSError(errno.EIO, "injected"), "fdatasync"
ELSEWHERE = item("sku-1", "store-2")
DURABLE = 3
"""ONE and ELSEWHERE are made, and ONE changed. The fourth event is in doubt."""


@pytest.fixture
def disk() -> Shim:
    return Shim()


def in_doubt(folder: Folder, disk: Shim, change: Callable[[FileLedger], object]) -> list[FileLedger]:
    """Two processes on a log of three durable events, behind which ``change`` is in doubt."""
    ledger = folder.start(disk)
    for at in (ONE, ELSEWHERE, ONE):
        folder.machine.up += 1_000_000
        add(ledger, 7, at)
    folder.machine.up += 1_000_000
    disk.instead[SYNC] = failing(EIO)
    with pytest.raises(StorageUnavailable):
        change(ledger)
    return [ledger, folder.open()]


def adding_to_one(ledger: FileLedger) -> object:
    return add(ledger, 1, ONE)


def a_new_record(ledger: FileLedger) -> object:
    return add(ledger, 1, TWO)


def refused(read: Callable[[], object]) -> bool:
    try:
        read()
    except NeedsOperator:
        return True
    return False


def test_a_sku_is_told_as_of_the_durable_end_unless_one_of_its_records_is_in_doubt(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, a_new_record):
        stock = process.records_of_sku("sku-1")
        assert (stock.totals.on_hand, stock.as_of_sequence, stock.withheld) == (21, DURABLE, True)
        assert refused(lambda process=process: process.records_of_sku("sku-2"))


def test_sums_are_refused_though_the_record_in_doubt_is_on_another_page(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        assert refused(lambda process=process: process.records_of_sku("sku-1", PageRequest(after="store-1")))


def test_a_page_of_records_is_told_unless_one_of_them_is_in_doubt(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, a_new_record):
        page = process.records_of_store("store-1", PageRequest(limit=1))
        assert ([one.item for one in page.items], page.as_of_sequence, page.withheld) == ([ONE], DURABLE, True)
        assert process.records_of_store("store-2", PageRequest()).withheld
        assert refused(lambda process=process: process.records_of_store("store-1", PageRequest()))


def test_a_page_of_stores_is_told_unless_one_of_them_has_a_new_record_in_doubt(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, a_new_record):
        page = process.stores(PageRequest(after="store-1"))
        assert ([tuple(one) for one in page.items], page.as_of_sequence) == ([("store-2", 1)], DURABLE)
        assert refused(lambda process=process: process.stores(PageRequest()))


def test_stores_are_told_while_no_record_is_new(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        assert [one.skus for one in process.stores(PageRequest()).items] == [1, 1]


def history_of(process: FileLedger) -> HistoryService:
    return HistoryService(process, process.history)


def test_the_feed_goes_on_up_to_the_durable_end_and_says_so(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        page = history_of(process).page(0, 100)
        assert [event.sequence for event in page.events] == [1, 2, 3]
        assert (page.as_of_sequence, page.withheld) == (DURABLE, True)
        assert history_of(process).page(DURABLE, 100).events == []
        assert not history_of(process).wait_for(DURABLE, 0)


def test_a_follower_is_not_told_to_start_over_because_of_what_is_in_doubt(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        assert refused(lambda process=process: history_of(process).page(DURABLE + 1, 100))


def test_the_history_of_a_record_ends_where_it_is_durable(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        page = history_of(process).of_record(ONE, None, 100)
        assert [step.event.sequence for step in page.steps] == [3, 1]
        assert (page.as_of_sequence, page.withheld) == (3, True)
        other = history_of(process).of_record(ELSEWHERE, None, 100)
        assert [step.event.sequence for step in other.steps] == [2]


def test_of_a_record_of_which_nothing_is_durable_nothing_is_told(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, a_new_record):
        history = history_of(process)
        assert refused(lambda history=history: history.of_record(TWO, None, 100))
        assert refused(lambda history=history: history.record_at(TWO, sequence=DURABLE))


def test_a_record_as_it_was_is_told_up_to_the_durable_end(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        history = history_of(process)
        assert [history.record_at(ONE, sequence=at).on_hand for at in (1, 2, 3)] == [7, 7, 14]
        assert refused(lambda history=history: history.record_at(ONE, sequence=DURABLE + 1))


def test_a_record_at_an_instant_is_told_unless_a_change_in_doubt_may_have_happened_by_then(folder: Folder, disk: Shim):
    for process in in_doubt(folder, disk, adding_to_one):
        history, now = history_of(process), process.now()
        assert history.record_at(ONE, at=Instant(now - 1_500_000)).on_hand == 7
        assert refused(lambda history=history, now=now: history.record_at(ONE, at=now))
        assert history.record_at(ELSEWHERE, at=now).on_hand == 7


HOLDS = ("hold-1", "hold-2")


def with_holds(folder: Folder, disk: Shim, change: HoldStock | CommitHold | ExtendHold) -> list[FileLedger]:
    """Two processes on a log with two durable holds, behind which a change of a hold is in doubt."""
    ledger = folder.start(disk)
    add(ledger, 10, ONE)
    for name in HOLDS:
        held = HoldStock(name, (WantedLine(ONE, 1),))
        ledger.submit(held.entities, deciding(held)).wait()
    disk.instead[SYNC] = failing(EIO)
    with pytest.raises(StorageUnavailable):
        ledger.submit(change.entities, deciding(change)).wait()
    return [ledger, folder.open()]


def listed(process: FileLedger, **asked: object) -> list[str]:
    return [one.reservation_id for one in process.reservations(ReservationRequest(**asked)).items]


def test_a_reservation_that_is_made_in_doubt_is_left_out(folder: Folder, disk: Shim):
    for process in with_holds(folder, disk, HoldStock("hold-3", (WantedLine(ONE, 1),))):
        assert listed(process) == list(HOLDS)
        assert process.reservations(ReservationRequest()).as_of_sequence == DURABLE


@pytest.mark.parametrize("change", [CommitHold("hold-2", (ONE,), None), ExtendHold("hold-2", 1000)], ids=type)
def test_a_page_is_refused_that_a_reservation_in_doubt_is_or_was_on(
    folder: Folder, disk: Shim, change: CommitHold | ExtendHold
):
    for process in with_holds(folder, disk, change):
        assert listed(process, limit=1) == ["hold-1"]
        assert refused(lambda process=process: listed(process))
        # It is not held any more, and may be again.
        assert refused(lambda process=process: listed(process, state="held"))


def test_when_a_server_has_started_everything_is_told_again(folder: Folder, disk: Shim):
    processes = in_doubt(folder, disk, adding_to_one)
    disk.instead.clear()
    folder.prepare()
    for process in processes:
        stock = process.records_of_sku("sku-1")
        assert (stock.totals.on_hand, stock.as_of_sequence, stock.withheld) == (22, DURABLE + 1, False)
        assert not history_of(process).page(0, 100).withheld
        with pytest.raises(ValidationFailed):
            history_of(process).page(DURABLE + 2, 100)
