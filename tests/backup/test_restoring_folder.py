"""The folder of a restore: what counts as empty, and what remains of a restore that fails."""

import errno
import fcntl
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.backups import restored
from support.folder import Shim
from support.given import START
from support.restores import contents, outcome

from inventory.backup.manifest import BackupError, BackupLayout
from inventory.backup.restore import restore
from inventory.backup.restore_plan import Until, plan_restore
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.eventlog.layout import Layout


@pytest.fixture
def target(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "new" / "restored")


class Failing(Shim):
    """A disk on which the ``at``-th call that changes something fails."""

    def __init__(self, at: int) -> None:
        super().__init__()
        for name in ("create", "write", "fsync", "rename", "sync_folder"):
            self.instead[name] = self._counted(getattr(Shim, name))
        self.left = at

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: object) -> object:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(self, *arguments)

        return counted


def error_of(call: Callable[[], object]) -> OSError | None:
    try:
        call()
    except OSError as error:
        return error
    return None


@pytest.mark.parametrize("is_there", [False, True])
def test_on_a_full_disk_nothing_is_left(source: Layout, backup: Path, tmp_path: Path, is_there: bool):
    expected, said = contents(source), set()
    for step in count(1):
        target, disk = Layout(tmp_path / f"full-{step}"), Failing(step)
        if is_there:
            target.root.mkdir()
        error = error_of(partial(restored, backup, target, disk=disk))
        if error is None:
            break
        assert (error.errno, error.filename) == (errno.ENOSPC, str(target.root))
        said.add((error.strerror or "").partition("; ")[2])
        if "nothing was restored" in str(error):
            assert target.root.exists() == is_there
            assert not is_there or list(target.root.iterdir()) == []
        else:
            assert outcome(target, expected) == "all"
    assert step > 30
    assert said == {"nothing was restored", "all files are in place, but may not be durable"}


@pytest.mark.parametrize("name", ["events/x", "note.txt", "locks/state", "dead-letter.jsonl"])
def test_a_folder_with_anything_in_it_is_refused_and_not_touched(backup: Path, target: Layout, name: str):
    path = target.root / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(BackupError, match=f"is not empty: it has {name.split('/', maxsplit=1)[0]}"):
        restored(backup, target)
    assert [one for one in target.root.rglob("*") if one.is_file()] == [path]


def test_a_file_in_the_place_of_the_folder_is_refused(backup: Path, target: Layout):
    target.root.parent.mkdir()
    target.root.write_text("mine")
    with pytest.raises(BackupError, match="is not a folder"):
        restored(backup, target)


def test_a_new_file_system_counts_as_empty(source: Layout, backup: Path, target: Layout):
    (target.root / "lost+found").mkdir(parents=True)
    restored(backup, target)
    assert outcome(target, contents(source)) == "all"


def test_a_folder_that_a_server_uses_is_refused(backup: Path, target: Layout):
    target.root.mkdir(parents=True)
    with server_presence(target), pytest.raises(StartRefused, match="is using it"):
        restored(backup, target)
    assert target.server_lock.exists()


def test_a_lock_that_a_failed_restore_has_removed_is_not_taken(target: Layout, monkeypatch: pytest.MonkeyPatch):
    target.root.mkdir(parents=True)
    flock = fcntl.flock

    def removed_meanwhile(descriptor: int, how: int) -> None:
        target.server_lock.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    with pytest.raises(StartRefused), server_presence(target):
        pass


def test_a_backup_that_changes_between_the_check_and_the_copy_is_refused(backup: Path, target: Layout):
    plan = plan_restore(backup, Until(), START)
    path = BackupLayout(backup).path(plan.manifest.segments[-1])
    path.write_bytes(path.read_bytes().replace(b'"onHand":1', b'"onHand":2', 1))
    with pytest.raises(BackupError, match="was changed during the restore"):
        restore(plan, target, START, "node", Shim())
    assert not target.root.parent.exists()
