"""The snapshots in a backup."""

from pathlib import Path

from support.backup_copies import copied, log_in, log_of, more
from support.folder import Folder
from support.logs import SMALL, archive, written

from inventory.backup.manifest import BackupLayout, read_manifest


def test_a_log_without_its_beginning_is_copied_with_its_oldest_snapshot(folder: Folder, target: Path):
    ledger = written(folder)
    first = ledger.log_maintenance.take_snapshot()
    more(ledger)
    ledger.log_maintenance.take_snapshot()
    more(ledger)
    newest = ledger.log_maintenance.take_snapshot()
    begin = archive(folder, 2)[0]
    for archived in folder.layout.archived_segments():
        folder.layout.archived(archived).unlink()
    oldest = folder.layout.snapshot_sequences()[0]
    manifest = copied(folder, target)
    assert (manifest.first, manifest.segments[0].chain_before) == (begin, None)
    assert [file.last for file in manifest.snapshots] == [oldest, newest]
    assert first not in (oldest, newest)
    assert log_of(target) == log_in(folder.layout)


def test_the_oldest_snapshot_of_such_a_backup_stays(folder: Folder, target: Path):
    test_a_log_without_its_beginning_is_copied_with_its_oldest_snapshot(folder, target)
    base = read_manifest(target).snapshots[0]
    ledger = folder.start(segment_bytes=SMALL)
    for _ in range(3):
        more(ledger)
        newest = ledger.log_maintenance.take_snapshot()
        manifest = copied(folder, target)
    assert [file.last for file in manifest.snapshots] == [base.last, newest]
    assert sorted(path.name for path in BackupLayout(target).snapshots.iterdir()) == [
        BackupLayout(target).path(file).name for file in manifest.snapshots
    ]


def test_a_newer_snapshot_takes_the_place_of_the_one_before(folder: Folder, target: Path):
    ledger = written(folder)
    for _ in range(2):
        more(ledger)
        taken = ledger.log_maintenance.take_snapshot()
        assert [file.last for file in copied(folder, target).snapshots] == [taken]
    assert len(list(BackupLayout(target).snapshots.iterdir())) == 1


def test_a_damaged_snapshot_is_passed_over(folder: Folder, target: Path):
    ledger = written(folder)
    taken = ledger.log_maintenance.take_snapshot()
    more(ledger)
    damaged = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    damaged.write_bytes(damaged.read_bytes().replace(b'"records"', b'"recordz"', 1))
    assert [file.last for file in copied(folder, target).snapshots] == [taken]
