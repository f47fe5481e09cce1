"""A restore is all or nothing: killed, interrupted, without space, or beside a server that starts at any moment."""

import errno
import fcntl
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.backups import folded, known, restored
from support.folder import Shim

from inventory.backup.manifest import BackupError
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.eventlog.layout import Layout
from inventory.settings import Settings
from inventory.wiring import prepare

_CHANGES = ("os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree", "os.truncate")


@pytest.fixture
def target(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "new" / "restored")


def steps(call: Callable[[], None], at: int, then: Callable[[], None]) -> int:
    """Make a call in a child process, and something else before its ``at``-th change of files; return its status.

    At the status 0 the call has ended, with no such step.
    """
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != _BROKEN
        return status
    seen = 0

    def reached(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_RDWR | os.O_WRONLY)
        if event in _CHANGES or is_written:
            seen += 1
            if seen == at:
                then()

    status = _BROKEN
    try:
        sys.addaudithook(reached)
        call()
        status = 0 if seen < at else _DONE
    except (BackupError, StartRefused):
        status = _REFUSED
    except KeyboardInterrupt:
        status = _INTERRUPTED
    finally:
        os._exit(status)


_BROKEN, _DONE, _REFUSED, _INTERRUPTED = 1, 2, 3, 4


def every_step(call: Callable[[int], int]) -> int:
    """Call it with 1, 2, 3 … until there is no such step; return how many there were."""
    step = 1
    while call(step):
        step += 1
    return step - 1


def outcome(target: Layout, expected: object) -> str:
    """What a server that starts now finds; all of the backup, nothing, or a folder on which it may not start."""
    if not target.root.exists():
        return "nothing"
    if Layout(target.restoring).events.exists():
        with pytest.raises(StartRefused, match="has not finished"):
            prepare(Settings(data_dir=target.root))
        return "refused"
    if not target.segments():
        assert not target.archived_segments() + target.snapshot_sequences()
        return "nothing"
    prepare(Settings(data_dir=target.root))
    assert known(folded(target)) == expected
    return "all"


@pytest.mark.slow
def test_wherever_it_is_killed_a_server_finds_all_of_it_or_is_refused(source: Layout, backup: Path, tmp_path: Path):
    expected, found = known(folded(source)), set()

    def killed(step: int) -> int:
        target = Layout(tmp_path / f"killed-{step}" / "restored")
        status = steps(lambda: restored(backup, target), step, lambda: os.kill(os.getpid(), signal.SIGKILL))
        found.add(outcome(target, expected))
        return status

    assert every_step(killed) > 30
    assert found == {"nothing", "refused", "all"}


@pytest.mark.slow
def test_after_a_kill_the_same_command_begins_again(source: Layout, backup: Path, tmp_path: Path):
    expected, refused = known(folded(source)), set()

    def killed(step: int) -> int:
        target = Layout(tmp_path / f"killed-{step}" / "restored")
        status = steps(lambda: restored(backup, target), step, lambda: os.kill(os.getpid(), signal.SIGKILL))
        try:
            restored(backup, target)
            assert outcome(target, expected) == "all"
        except BackupError as error:
            refused.add((outcome(target, expected), str(error).partition("it has ")[2].partition(".")[0]))
        return status

    assert every_step(killed) > 30
    # Between the renames, or complete: neither is ever removed.
    assert {names for result, names in refused if result == "refused"} == {"archive", "archive, snapshots"}
    assert all("events" in names for result, names in refused if result == "all")


@pytest.mark.slow
def test_of_a_server_that_starts_meanwhile_and_the_restore_one_is_refused(source: Layout, backup: Path, tmp_path: Path):
    expected = known(folded(source))
    held = []

    def beside_a_start(step: int) -> int:
        target = Layout(tmp_path / f"beside-{step}" / "restored")

        def start() -> None:
            try:
                presence = server_presence(target)
                presence.__enter__()
                held.append(presence)
                prepare(Settings(data_dir=target.root))
            except StartRefused:
                pass

        status = steps(lambda: restored(backup, target), step, start)
        assert status in (0, _DONE, _REFUSED)
        if status == _REFUSED:
            assert not target.archived_segments() + target.snapshot_sequences()
            assert [target.segment(first).stat().st_size for first in target.segments()] in ([], [0])
            assert not target.restoring.exists()
        else:
            assert outcome(target, expected) == "all"
        return status

    assert every_step(beside_a_start) > 30


@pytest.mark.slow
def test_wherever_it_is_interrupted_nothing_is_left_or_all_of_it_is_there(source: Layout, backup: Path, tmp_path: Path):
    expected = known(folded(source))

    def interrupt() -> None:
        raise KeyboardInterrupt

    def interrupted(step: int) -> int:
        target = Layout(tmp_path / f"interrupted-{step}" / "new" / "restored")
        target.root.parents[1].mkdir()
        status = steps(lambda: restored(backup, target), step, interrupt)
        assert status in (0, _INTERRUPTED)
        assert list(target.root.parents[1].iterdir()) == [] or outcome(target, expected) == "all"
        return status

    assert every_step(interrupted) > 30


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
    expected, said = known(folded(source)), set()
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
    assert outcome(target, known(folded(source))) == "all"


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
