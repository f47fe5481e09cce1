"""A log that is cut below what a running process has read: the process ends and shows no lost event."""

import errno

import pytest
from support.folder import ONE, TWO, Folder, Shim, add, failing
from support.given import all_stock
from support.waiting import until

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.archive import SegmentFiles
from inventory.eventlog.errors import LogRewound
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.replica import Replica


def doubt_the_second_event(folder: Folder, **options) -> FileLedger:
    """A process that has read two events of which the second one's sync has failed."""
    disk = Shim()
    ledger = folder.start(disk, **options)
    add(ledger)
    disk.instead["fdatasync"] = failing(OSError(errno.EIO, "injected"))
    with pytest.raises(StorageUnavailable):
        add(ledger, 4)
    disk.instead.clear()
    return ledger


def lose_the_second_event(folder: Folder) -> None:
    """The disk has forgotten it, and a server starts."""
    first, _ = folder.log().splitlines(keepends=True)
    folder.layout.segment(1).write_bytes(first)
    assert folder.prepare().end.sequence == 1


def test_a_process_ends_when_the_log_is_cut_below_what_it_has_read(folder: Folder):
    deaths = []
    ledger = doubt_the_second_event(folder, on_committer_death=lambda: deaths.append(None))
    lose_the_second_event(folder)
    until("deaths", lambda: bool(deaths))
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger)
    assert (refusal.value.outcome, len(deaths)) == ("none", 1)


def test_a_process_tells_nothing_from_before_the_log_was_cut(folder: Folder):
    ledger = doubt_the_second_event(folder)
    lose_the_second_event(folder)
    for read in (lambda: ledger.record(ONE), lambda: all_stock(ledger), lambda: ledger.central_stock("sku-1")):
        with pytest.raises(StorageUnavailable, match="cut below event 2"):
            read()
    assert "cut below event 2" in ledger.status().read_only or "has ended" in ledger.status().read_only


def test_a_new_process_goes_on_after_the_cut(folder: Folder):
    doubt_the_second_event(folder)
    lose_the_second_event(folder)
    assert add(folder.open(), 4).record[1:5] == (5, 0, 2, 2)
    assert folder.verify().ok


@pytest.mark.parametrize("events_since", [1, 2])
def test_a_log_that_has_grown_again_since_it_was_cut_is_noticed(folder: Folder, events_since: int):
    doubt_the_second_event(folder)
    marks = folder.marks()
    replica = Replica(folder.layout, SegmentFiles(folder.layout), marks)
    replica.adopt()
    lose_the_second_event(folder)
    ledger = folder.open()
    for _ in range(events_since):
        # A line of the same length as the one that was lost: neither place nor sequence tell them apart.
        add(ledger, 7)
    with pytest.raises(LogRewound):
        replica.adopt()
    replica.close()
    marks.close()


def test_a_log_that_was_not_cut_is_read_on_after_a_recovery(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk)
    add(ledger)
    disk.instead["fdatasync"] = failing(OSError(errno.EIO, "injected"), times=1)
    with pytest.raises(StorageUnavailable):
        add(ledger)
    folder.prepare()
    assert (ledger.record(ONE).on_hand, ledger.status().read_only) == (2, None)


def test_a_log_that_shrinks_under_a_running_process_is_not_written_to(folder: Folder):
    ledger = folder.start()
    add(ledger)
    add(ledger)
    shorter = folder.log()[:-40]
    folder.layout.segment(1).write_bytes(shorter)
    with pytest.raises(StorageUnavailable, match="shrunk") as refusal:
        add(ledger, at=TWO)
    assert (refusal.value.outcome, folder.log()) == ("none", shorter)
