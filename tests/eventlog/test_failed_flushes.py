"""After a failed flush no change is confirmed, until a server starts and writes the events in doubt again."""

import errno
import fcntl
import os
from pathlib import Path

import pytest
from support.folder import ONE, TWO, Folder, Shim, add, failing
from support.given import all_stock
from support.waiting import until

from inventory.domain.errors import NeedsOperator, StorageUnavailable
from inventory.domain.state import LedgerIds
from inventory.eventlog.ledger import FileLedger
from inventory.service.ports.stock_reads import PageRequest

EIO = OSError(errno.EIO, "injected")
SYNC = "fdatasync"


class DyingDisk(Shim):
    """A disk of which one sync fails.

    As on Linux, each descriptor that was open then is told once, and calls after that report success.
    """

    def fail_next_sync(self, segment: Path) -> None:
        for name in os.listdir("/proc/self/fd"):
            descriptor = int(name)
            try:
                if os.readlink(f"/proc/self/fd/{name}") == str(segment):
                    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)
            except OSError:
                continue

    def fdatasync(self, descriptor: int) -> None:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        if flags & os.O_NONBLOCK:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~os.O_NONBLOCK)
            raise EIO


@pytest.fixture
def disk() -> Shim:
    return Shim()


def after_a_failed_sync(folder: Folder, disk: Shim) -> FileLedger:
    """A ledger with a durable event of ONE and an event of TWO whose sync has failed."""
    ledger = folder.start(disk)
    add(ledger, 7, ONE)
    disk.instead[SYNC] = failing(EIO)
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 9, TWO, key="again")
    assert refusal.value.outcome == "unknown"
    return ledger


def test_after_a_failed_sync_all_processes_refuse_changes(folder: Folder, disk: Shim):
    other = folder.start()
    ledger = after_a_failed_sync(folder, disk)
    for process in (ledger, other, folder.open()):
        with pytest.raises(NeedsOperator):
            add(process)
        assert "flush of the event log has failed" in process.status().read_only


def test_after_a_failed_sync_the_status_still_names_the_ledger(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)

    first = ledger.history.events(1, 1, archived=False)[0].event_id
    assert {process.status().ids for process in (ledger, folder.open())} == {LedgerIds(first, first)}


def test_a_first_event_that_may_be_lost_does_not_name_the_ledger(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    disk.instead[SYNC] = failing(EIO)
    with pytest.raises(StorageUnavailable):
        add(ledger)

    assert ledger.status().ids == LedgerIds()


def test_after_a_failed_sync_nothing_that_is_not_durable_is_read(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    reads = [
        lambda process: process.record(TWO),
        all_stock,
        lambda process: process.stores(PageRequest()),
        lambda process: process.records_of_store("store-1", PageRequest()),
        lambda process: process.records_of_sku("sku-2"),
        lambda process: process.central_stock("sku-2"),
    ]
    for process in (ledger, folder.open()):
        for read in reads:
            with pytest.raises(StorageUnavailable) as refusal:
                read(process)
            assert refusal.value.outcome == "none"


def test_after_a_failed_sync_durable_records_can_be_read(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    assert [process.record(ONE).on_hand for process in (ledger, folder.open())] == [7, 7]


def test_a_failed_sync_is_never_tried_again(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    disk.calls.clear()
    with pytest.raises(StorageUnavailable):
        ledger.record(TWO)
    with pytest.raises(NeedsOperator):
        add(ledger)
    assert disk.calls == []


def test_a_starting_server_writes_what_was_not_durable_again_in_place(folder: Folder, disk: Shim):
    after_a_failed_sync(folder, disk)
    before, inode = folder.files(), os.stat(folder.layout.segment(1)).st_ino
    starting = Shim()
    written = []
    starting.instead["write"] = lambda descriptor, data: written.append((os.fstat(descriptor).st_ino, data))
    folder.prepare(starting)
    lines = folder.log().splitlines(keepends=True)
    assert (folder.files(), written) == (before, [(inode, lines[1])])
    assert starting.calls.index("write") < starting.calls.index("fsync")


def test_when_a_server_has_started_everything_works_again(folder: Folder, disk: Shim):
    other = folder.start()
    ledger = after_a_failed_sync(folder, disk)
    disk.instead.clear()
    folder.prepare()
    for process in (ledger, other, folder.open()):
        outcome = add(process, 9, TWO, key="again")
        assert (outcome.replayed, outcome.record.on_hand, process.record(TWO).on_hand) == (True, 9, 9)
        add(process, 1, ONE)
    assert (ledger.record(ONE).on_hand, folder.verify().problems) == (10, [])


def test_a_failure_that_was_mended_is_not_met_again_by_another_process(folder: Folder):
    disk = DyingDisk()
    ledger, other = folder.start(disk), folder.open(disk)
    add(ledger)
    add(other)
    disk.fail_next_sync(folder.layout.segment(1))
    with pytest.raises(StorageUnavailable):
        add(ledger)
    folder.prepare()
    assert [add(process).record.on_hand for process in (other, ledger)] == [4, 5]


def test_a_start_whose_sync_fails_makes_the_next_one_write_again(folder: Folder, disk: Shim):
    add(folder.start())
    disk.instead["fsync"] = failing(EIO)
    with pytest.raises(OSError, match="injected"):
        folder.prepare(disk)
    again = Shim()
    folder.prepare(again)
    assert again.calls.index("write") < again.calls.index("fsync")


def test_a_sync_that_fails_while_a_server_starts_is_not_covered_up(folder: Folder, disk: Shim):
    ledger = folder.start()
    disk.instead["fsync"] = lambda _: ledger.shared.fail()
    with pytest.raises(OSError, match="start again"):
        folder.prepare(disk)
    until("ledger.status().read_only is not None", lambda: ledger.status().read_only is not None)


def test_after_a_failed_sync_the_key_that_was_in_doubt_is_never_told_to_have_changed_nothing(
    folder: Folder, disk: Shim
):
    other = folder.start()
    ledger = after_a_failed_sync(folder, disk)
    for process in (ledger, other, folder.open()):
        with pytest.raises(NeedsOperator) as refusal:
            add(process, 9, TWO, key="again")
        assert refusal.value.outcome_for(keyed=True) == "unknown"


def test_after_a_failed_sync_a_change_that_is_durable_is_answered_again(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    first = add(ledger, 7, ONE, key="durable")
    disk.instead[SYNC] = failing(EIO)
    with pytest.raises(StorageUnavailable):
        add(ledger, 9, TWO)
    assert [add(process, 7, ONE, key="durable") for process in (ledger, folder.open())] == [(first.event, True)] * 2


def test_after_a_failed_sync_a_key_that_is_not_in_the_log_has_certainly_changed_nothing(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    for process in (ledger, folder.open()):
        for key in ("new", None):
            with pytest.raises(NeedsOperator) as refusal:
                add(process, 1, ONE, key=key)
            assert refusal.value.outcome_for(keyed=key is not None) == "none"


def test_with_a_line_behind_the_published_end_no_key_is_told_to_have_changed_nothing(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    with folder.layout.segment(1).open("ab") as log:
        log.write(b'{"what a writer left that died":')
    with pytest.raises(NeedsOperator) as refusal:
        add(ledger, 1, ONE, key="new")
    assert refusal.value.outcome_for(keyed=True) == "unknown"


def test_a_failed_sync_says_what_the_operator_has_to_do(folder: Folder, disk: Shim):
    ledger = after_a_failed_sync(folder, disk)
    with pytest.raises(NeedsOperator) as refusal:
        add(ledger)
    assert "start a server on the folder" in refusal.value.action
    assert ledger.status().action == refusal.value.action
    assert refusal.value.retry_after_ms == 30_000
