"""Snapshots: with the rest of the log they give the same state as the entire log, and an invalid one is never used."""

import errno
import shutil
from hashlib import blake2b
from pathlib import Path

import pytest
from support.folder import Folder, Shim, add, failing
from support.given import all_stock, item

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.errors import EventsMissing, LogDamaged
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.snapshot import NotASnapshot, check_image, footer, restore_image
from inventory.eventlog.snapshot_folder import SnapshotFolder
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.stock_reads import PageRequest

ITEMS = [item(f"sku-{number}", f"store-{number % 3}") for number in range(60)]


def stocked(folder: Folder) -> FileLedger:
    ledger = folder.start()
    for at in ITEMS:
        add(ledger, 10, at, key=f"first-{at.sku}")
    return ledger


def everything(ledger: FileLedger) -> tuple[object, ...]:
    pages = [ledger.records_of_store(f"store-{number}", PageRequest(limit=1000)) for number in range(3)]
    return ([ledger.record(at) for at in ITEMS], pages, ledger.records_of_sku("sku-7"), all_stock(ledger))


def restarted(folder: Folder) -> FileLedger:
    folder.close()
    return folder.start()


def test_a_snapshot_and_the_rest_of_the_log_give_what_the_whole_log_gives(folder: Folder):
    ledger = stocked(folder)
    ledger.log_maintenance.take_snapshot()
    for at in ITEMS[:20]:
        add(ledger, -1, at)
    before = everything(ledger)
    with_snapshot = everything(restarted(folder))
    shutil.rmtree(folder.layout.snapshots)
    assert with_snapshot == everything(restarted(folder)) == before


def test_a_start_from_a_snapshot_reads_nothing_before_it(folder: Folder):
    stocked(folder).log_maintenance.take_snapshot()
    folder.close()
    path = folder.layout.segment(1)
    log = path.read_bytes()
    path.write_bytes(b"X" + log[1:])
    assert folder.start().record(ITEMS[0]).on_hand == 10


def test_a_key_that_is_only_in_the_snapshot_still_replays(folder: Folder):
    ledger = stocked(folder)
    first = add(ledger, 1, ITEMS[0], key="once")
    ledger.log_maintenance.take_snapshot()
    again = add(restarted(folder), 1, ITEMS[0], key="once")
    assert (again.replayed, again.event) == (True, first.event)


def test_writing_goes_on_behind_a_snapshot_and_everything_verifies(folder: Folder):
    ledger = stocked(folder)
    ledger.log_maintenance.take_snapshot()
    ledger = restarted(folder)
    add(ledger, -4, ITEMS[3])
    ledger.log_maintenance.take_snapshot()
    assert (folder.verify().ok, folder.verify().checked_sequence) == (True, 61)


def test_a_cut_or_a_flipped_bit_anywhere_is_no_snapshot(quick_folder: Folder):
    ledger = quick_folder.start()
    for at in ITEMS[:4]:
        add(ledger, 10, at, key=at.sku)
    path = quick_folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    whole = path.read_bytes()
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes((whole[place] ^ 1 << place % 8,)) + whole[place + 1 :]):
            path.write_bytes(damaged)
            for read in (restore_image, lambda path: check_image(path, lambda: None)):
                with pytest.raises(NotASnapshot):
                    read(path)


def test_a_damaged_snapshot_is_set_aside_and_the_one_before_it_is_used(folder: Folder):
    ledger = stocked(folder)
    ledger.log_maintenance.take_snapshot()
    add(ledger, -1, ITEMS[0])
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    path.write_bytes(path.read_bytes()[:-9])
    assert restarted(folder).record(ITEMS[0]).on_hand == 9
    assert folder.layout.snapshot_sequences() == [60]
    assert path.with_name(f"{path.name}.damaged").exists()


def test_only_the_two_newest_are_kept(folder: Folder):
    ledger = stocked(folder)
    for _ in range(4):
        add(ledger)
        ledger.log_maintenance.take_snapshot()
    assert folder.layout.snapshot_sequences() == [63, 64]


def test_a_log_that_is_shorter_than_its_snapshot_is_refused(folder: Folder):
    ledger = stocked(folder)
    ledger.log_maintenance.take_snapshot()
    folder.close()
    folder.layout.shared_header.unlink()
    path = folder.layout.segment(1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(EventsMissing, match=r"there is a snapshot of event 60.*Missing: event 60"):
        folder.prepare()


def test_a_log_that_is_gone_is_refused_where_there_is_a_snapshot(folder: Folder):
    stocked(folder).log_maintenance.take_snapshot()
    folder.close()
    folder.layout.shared_header.unlink()
    folder.layout.segment(1).unlink()
    with pytest.raises(LogDamaged, match="the log is gone, but event 60 was durable"):
        folder.prepare()


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_snapshot_that_cannot_be_written_harms_nothing(folder: Folder, call: str):
    stocked(folder).log_maintenance.take_snapshot()
    disk = Shim()
    ledger = folder.open(disk)
    disk.instead[call] = failing(OSError(errno.ENOSPC, "injected"))
    add(ledger)
    with pytest.raises(StorageUnavailable, match="cannot take a snapshot"):
        ledger.log_maintenance.take_snapshot()
    assert [path.name for path in folder.layout.snapshots.iterdir()] == [folder.layout.snapshot(60).name]


def test_a_snapshot_holds_nothing_that_a_power_cut_could_take_back(folder: Folder):
    stocked(folder)
    disk = Shim()
    ledger = folder.open(disk)
    disk.instead["fdatasync"] = failing(OSError(errno.EIO, "injected"))
    with pytest.raises(StorageUnavailable):
        add(ledger)
    with pytest.raises(StorageUnavailable):
        ledger.log_maintenance.take_snapshot()
    assert folder.layout.snapshot_sequences() == []


def test_a_snapshot_that_differs_from_the_log_is_a_problem(folder: Folder):
    ledger = stocked(folder)
    ledger.log_maintenance.take_snapshot()
    folder.layout.snapshot(60).rename(folder.layout.snapshot(59))
    assert [problem.partition(" ")[2] for problem in folder.verify().problems] == [
        "differs from the log; 'inventory rebuild' writes it again"
    ]


def with_other_words(path: Path, word: bytes, other: bytes) -> None:
    """A valid snapshot with other content."""
    body = path.read_bytes().replace(word, other).rpartition(b',"hash"')[0]
    end = body.rpartition(b"\n")[2]
    path.write_bytes(body.removesuffix(end) + footer(end, blake2b(body.removesuffix(end), digest_size=16)))


def test_a_snapshot_with_what_this_program_does_not_know_is_passed_over(folder: Folder):
    ledger = stocked(folder)
    with_other_words(folder.layout.snapshot(ledger.log_maintenance.take_snapshot()), b'{"records":', b'{"novelty":')
    folder.close()
    recovery = folder.prepare()
    assert (recovery.end.sequence, folder.open(folded=recovery.folded).record(ITEMS[0]).on_hand) == (60, 10)


def test_a_snapshot_of_another_format_is_passed_over_and_counts_for_nothing(folder: Folder):
    ledger = stocked(folder)
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    with_other_words(path, b'{"snapshot":3,', b'{"snapshot":1,')
    ledger = restarted(folder)
    assert (ledger.record(ITEMS[0]).on_hand, ledger.log_maintenance.whole_snapshots(), path.exists()) == (10, [], True)


def test_a_start_looks_at_its_snapshots_without_the_pauses_of_maintenance(folder: Folder):
    stocked(folder).log_maintenance.take_snapshot()
    pauses: list[float] = []
    snapshots = SnapshotFolder(folder.layout, Disk(), RetryPolicy(), sleep=pauses.append)
    assert (len(snapshots.base_of_start().state.records), pauses) == (len(ITEMS), [])
    assert (len(snapshots.whole()), len(pauses) > 1) == (1, True)
