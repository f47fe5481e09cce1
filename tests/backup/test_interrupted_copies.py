"""A copy that fails, is killed or has no space: the previous backup is valid, and the next pass completes it."""

import errno
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.backup_copies import copied, copying, files_of, log_in, log_of
from support.disks import fill, mounted
from support.folder import Folder, Shim, add, failing
from support.given import START
from support.logs import MANY, written

from inventory.backup.manifest import BackupError, BackupLayout, read_manifest
from inventory.backup.restore_plan import Until, plan_restore
from inventory.backup.verify_backup import verify_backup
from inventory.resilience.disk import Disk

CALLS = ("create", "write", "fsync", "fdatasync", "truncate", "rename", "sync_folder", "reach")


class Killed(BaseException):
    """The end of a process, as far as a test in the same process can show it."""


class EndingDisk(Shim):
    """Raises from one call on; a write is half done then."""

    def __init__(self, at: int, error: BaseException) -> None:
        super().__init__()
        self.left, self.error = at, error

    def __getattribute__(self, name: str) -> Any:
        call = super().__getattribute__(name)
        if name not in CALLS:
            return call

        def counted(*arguments: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if name == "write":
                    descriptor, data = arguments
                    call(descriptor, data[: len(data) // 2])
                raise self.error
            return call(*arguments)

        return counted


def more(folder: Folder) -> None:
    """Half as much again in the log, which ends a half-copied segment, and a newer snapshot."""
    ledger = folder.start(segment_bytes=4096)
    for _ in range(MANY // 2):
        add(ledger)
    ledger.log_maintenance.take_snapshot()
    folder.close()


@pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), OSError(errno.EIO, "broken")])
@pytest.mark.parametrize("begins", [True, False])
def test_wherever_a_pass_ends_the_backup_is_valid_and_the_next_pass_completes_it(
    folder: Folder, tmp_path: Path, error: BaseException, begins: bool
):
    base, before = tmp_path / "base", b""
    written(folder).log_maintenance.take_snapshot()
    base.mkdir()
    if not begins:
        copied(folder, base)
        before = log_of(base)
    more(folder)
    whole, ended = log_in(folder.layout), 0
    while True:
        target = shutil.copytree(base, tmp_path / f"backup-{ended}")
        try:
            copied(folder, target, EndingDisk(ended, error))
        except type(error):
            ended += 1
        else:
            break
        if BackupLayout(target).manifest.exists():
            assert whole.startswith(log_of(target))
            assert log_of(target).startswith(before)
        copied(folder, target)
        assert (log_of(target), list(target.rglob("*.tmp"))) == (whole, [])
    assert ended > 2 * len(CALLS)


def test_a_first_copy_that_ended_before_it_had_an_event_is_no_backup(folder: Folder, target: Path):
    written(folder)
    disk = Shim()
    disk.instead["fdatasync"] = failing(OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output"):
        copied(folder, target, disk)
    found = verify_backup(target)
    assert (found.ok, found.last) == (False, 0)
    assert "has no event of ledger" in found.problems[0]
    with pytest.raises(BackupError, match="did not finish"):
        plan_restore(target, Until(), START)
    copied(folder, target)
    assert verify_backup(target).ok


def test_files_are_durable_before_the_manifest_names_them(folder: Folder, tmp_path: Path):
    ledger, disk = written(folder), Shim()
    with closing(copying(folder, tmp_path / "backup", disk)) as copy:
        copy.run()
        add(ledger)
        disk.calls.clear()
        copy.run()
    assert disk.calls == [
        *("write", "reach", "fdatasync"),
        *("reach", "create", "write", "fsync", "rename", "sync_folder"),
    ]


def test_a_pass_that_fails_does_not_spoil_the_next_one_of_the_same_process(folder: Folder, tmp_path: Path):
    ledger, disk = written(folder), EndingDisk(10**9, OSError(errno.EIO, "broken"))
    copy = copying(folder, tmp_path / "backup", disk)
    copy.run()
    for left in range(8):
        add(ledger)
        disk.left = left
        with pytest.raises(OSError, match="broken"):
            copy.run()
        disk.left = 10**9
        copy.run()
        assert log_of(tmp_path / "backup") == log_in(folder.layout)
    copy.close()


def test_a_full_disk_leaves_the_backup_of_before_and_room_lets_the_next_pass_complete_it(
    folder: Folder, tmp_path: Path
):
    ledger = written(folder)
    with mounted(tmp_path / "disk", "size=256k") as disk:
        target = disk / "backup"
        copied(folder, target, Disk())
        before = files_of(target)
        for _ in range(MANY):
            add(ledger)
        ballast = fill(disk)
        with pytest.raises(OSError, match="No space left") as full:
            copied(folder, target, Disk())
        assert full.value.errno == errno.ENOSPC
        assert (read_manifest(target).last, log_of(target)) == (MANY, log_in(folder.layout)[: len(log_of(target))])
        assert files_of(target)["manifest.json"] == before["manifest.json"]
        ballast.unlink()
        copied(folder, target, Disk())
        assert log_of(target) == log_in(folder.layout)
