"""The snapshots in a backup."""

import itertools
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.backup_copies import copied, copying, log_in, log_of, more
from support.folder import Folder, Shim, add
from support.logs import MANY, SMALL, archive, written

from inventory.backup.manifest import BackupError, BackupLayout, read_manifest


def once(action: Callable[[], object]) -> Callable[..., None]:
    """A call that does this the first time, and nothing after it."""
    calls = itertools.count()

    def call(*_: object) -> None:
        if next(calls) == 0:
            action()

    return call


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


def test_a_damaged_snapshot_is_copied_by_one_pass_and_not_by_each(folder: Folder, target: Path):
    ledger, disk = written(folder), Shim()
    damaged = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    content = damaged.read_bytes()
    damaged.write_bytes(content.replace(b'"records"', b'"recordz"', 1))
    with closing(copying(folder, target, disk)) as copy:
        assert copy.run().snapshots == []
        disk.calls.clear()
        assert copy.run().snapshots == []
        assert "create" not in disk.calls
        damaged.rename(damaged.with_name("set-aside"))
        damaged.write_bytes(content)
        assert len(copy.run().snapshots) == 1


def test_without_a_valid_snapshot_of_its_beginning_a_log_cannot_be_backed_up(folder: Folder, target: Path):
    ledger = written(folder)
    ledger.log_maintenance.take_snapshot()
    archive(folder, 2)
    for archived in folder.layout.archived_segments():
        folder.layout.archived(archived).unlink()
    path = folder.layout.snapshot(folder.layout.snapshot_sequences()[-1])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupError, match="no valid snapshot has the effect of the events before"):
        copied(folder, target)


def test_a_snapshot_of_another_log_is_passed_over(folder: Folder, target: Path, tmp_path: Path):
    other = Folder(tmp_path / "other")
    taken = written(other).log_maintenance.take_snapshot()
    other.close()
    more(written(folder))
    folder.layout.snapshot(taken).write_bytes(other.layout.snapshot(taken).read_bytes())
    assert copied(folder, target).snapshots == []


def test_the_log_is_copied_while_a_snapshot_is(folder: Folder, target: Path):
    ledger, disk = written(folder), Shim()
    with closing(copying(folder, target, disk)) as copy:
        copy.run()
        taken = ledger.log_maintenance.take_snapshot()
        # Reached after each piece of the snapshot that was written.
        disk.instead["reach"] = once(lambda: add(ledger))
        disk.calls.clear()
        manifest = copy.run()
    # The log is flushed before the snapshot is.
    assert disk.calls.index("fdatasync") < disk.calls.index("fsync")
    assert ([file.last for file in manifest.snapshots], manifest.last) == ([taken], MANY + 1)
    assert log_of(target) == log_in(folder.layout)


def test_an_error_of_the_log_while_a_snapshot_is_copied_ends_the_pass_and_spoils_nothing(folder: Folder, target: Path):
    ledger, disk = written(folder), Shim()
    with closing(copying(folder, target, disk)) as copy:
        copy.run()
        ledger.log_maintenance.take_snapshot()

        def torn(descriptor: int, data: bytes) -> None:
            os.write(descriptor, data[:100])
            raise FileNotFoundError("the disk is gone")

        def then_torn() -> None:
            add(ledger)
            disk.instead["write"] = torn

        disk.instead["reach"] = once(then_torn)
        with pytest.raises(FileNotFoundError):
            copy.run()
        assert log_of(target) == log_in(folder.layout)[: len(log_of(target))]
        disk.instead.clear()
        assert copy.run().last == MANY + 1
    assert log_of(target) == log_in(folder.layout)


def test_a_snapshot_that_a_killed_pass_has_left_is_removed(folder: Folder, target: Path):
    written(folder)
    copied(folder, target)
    left = BackupLayout(target).snapshots / f"central-{7:020d}.jsonl"
    left.write_text("left")
    copied(folder, target)
    assert not left.exists()
