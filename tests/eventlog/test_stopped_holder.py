"""A process that is stopped while it has the append lock is killed by one that waits for it; no other is killed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.children import heard, on
from support.folder import ONE, SECONDS, Folder, add
from support.given import adding
from support.waiting import until

from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.folder_watch import STOPPED_SECONDS, FolderWatch
from inventory.resilience.process_lock import kill_stopped, stopped_holder

HOLDS = """
import fcntl
marks = {marks}
lock = os.open(folder.layout.{lock}, os.O_RDONLY)
fcntl.flock(lock, fcntl.LOCK_EX)
say("has it")
sys.stdin.read()
"""
WRITES = """
add(folder.open(freezing()), 4, key="theirs")
"""
STEP = 0.25


def stop(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)


@contextmanager
def holding(
    folder: Folder, lock: str = "append_lock", marks: str = "folder.marks()"
) -> Iterator[subprocess.Popen[str]]:
    with on(folder, HOLDS.format(lock=lock, marks=marks)) as child:
        assert heard(child) == "has it"
        yield child


class Waiting:
    """One process that waits for the append lock, and its watch, whose clock is moved by hand."""

    def __init__(self, folder: Folder) -> None:
        self.now = 0.0
        self.killed_at: list[float] = []
        self.marks = folder.marks()
        self.lock = AppendLock(folder.layout.append_lock, folder.layout.events)
        self.watch = FolderWatch(self.marks, self.lock, self._count, lambda: self.now)

    def for_seconds(self, seconds: float) -> bool:
        """Whether the lock was taken within so many seconds of that clock."""

        def step(_: float) -> None:
            self.watch.look()
            self.now += STEP

        return self.lock.enter_within(seconds / STEP / 20, step)

    def _count(self) -> None:
        self.killed_at.append(self.now)


@pytest.fixture
def waiting(folder: Folder) -> Waiting:
    folder.prepare()
    return Waiting(folder)


@pytest.mark.parametrize("lock", ["append_lock", "append_lock.with_name('append-turn')", "events"])
def test_a_process_stopped_with_any_of_its_files_locked_is_killed_and_the_lock_is_free(
    folder: Folder, waiting: Waiting, lock: str
):
    with holding(folder, lock) as child:
        stop(child)
        assert waiting.for_seconds(600)
        assert child.wait(SECONDS) == -signal.SIGKILL
    assert [at <= 1 + STOPPED_SECONDS + 2 * STEP for at in waiting.killed_at] == [True]


def test_a_process_that_has_not_been_stopped_for_long_enough_is_not_killed(folder: Folder, waiting: Waiting):
    with holding(folder) as child:
        stop(child)
        assert not waiting.for_seconds(1 + STOPPED_SECONDS - STEP)
        child.send_signal(signal.SIGCONT)
        until("no holder is stopped", lambda: stopped_holder(waiting.lock._file.status, waiting.marks.status) is None)
        assert not waiting.for_seconds(60)
        assert (child.poll(), waiting.killed_at) == (None, [])


def test_a_process_that_runs_is_never_killed_however_long_it_keeps_the_lock(folder: Folder, waiting: Waiting):
    with holding(folder) as child:
        assert not waiting.for_seconds(60)
        assert child.poll() is None


def test_a_stopped_process_that_is_no_program_of_ours_is_never_killed(folder: Folder, waiting: Waiting):
    with holding(folder, marks="None") as child:
        stop(child)
        assert not waiting.for_seconds(60)
        assert child.poll() is None


def test_a_stopped_process_that_has_let_the_lock_go_is_not_killed(folder: Folder, waiting: Waiting):
    lock = waiting.lock._file.status
    with holding(folder) as child:
        stop(child)
        holder = stopped_holder(lock, waiting.marks.status)
        assert holder is not None
        other = stopped_holder(waiting.lock._log_file.status, waiting.marks.status)
        assert other is None
        assert not kill_stopped(holder, waiting.lock._log_file.status, waiting.marks.status)
        assert child.poll() is None
    assert not kill_stopped(holder, lock, waiting.marks.status)


def test_after_a_stopped_writer_was_killed_its_line_is_taken_over_and_changes_go_on(folder: Folder):
    ledger = folder.start()
    add(ledger, 10)
    with on(folder, WRITES) as child:
        assert heard(child) == "frozen"
        ticket = ledger.submit((ONE,), adding((ONE, 1)))
        assert ticket.wait().record.on_hand == 15
        assert child.wait(SECONDS) == -signal.SIGKILL
    assert add(ledger, 4, key="theirs").replayed
    assert folder.verify().ok


def test_a_start_ends_a_stopped_writer_too(folder: Folder):
    add(folder.start())
    with on(folder, WRITES) as child:
        assert heard(child) == "frozen"
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        folder.close()
        assert folder.prepare().end.sequence == 2
        assert child.wait(SECONDS) == -signal.SIGKILL
