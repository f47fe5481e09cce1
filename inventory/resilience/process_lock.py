"""A lock between processes, and detection of a stopped process that holds one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from inventory.domain.errors import NeedsOperator, StorageUnavailable

_POLL_SECONDS = 0.05


@contextmanager
def process_lock(lock_file: Path, *, wait_ms: int) -> Iterator[bool]:
    """Hold the lock for the ``with`` block; give ``False`` if another process kept it for ``wait_ms``.

    :raises StorageUnavailable: the folder of the lock is gone, or the file cannot be opened.
    """
    if not lock_file.parent.is_dir():
        # FileLock would create the folder again, at a path that is no longer in use.
        raise NeedsOperator(f"{lock_file.parent} is gone", "put the folder back, and restart the servers")
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=wait_ms / 1000, poll_interval=_POLL_SECONDS)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageUnavailable(f"{lock_file} cannot be locked: {error}", outcome="none") from error
    try:
        yield True
    finally:
        lock.release()


_PROC = Path("/proc")
_STOPPED = "T"
_STATE, _STARTED = 0, 19
"""Fields of /proc/PID/stat, counted from the one after the name."""


class Holder(NamedTuple):
    """A process id and the start time of the process: together unique within one boot."""

    pid: int
    started: str


def stopped_holder(lock: os.stat_result, mapped: os.stat_result) -> Holder | None:
    """Return the process that holds the lock and is stopped (SIGSTOP, SIGTSTP), or ``None``.

    A process in a debugger does not count as stopped.

    :param mapped: a file that the process must have mapped: only our programs map the shared header of a folder.
    """
    for pid in _who_locked(lock.st_ino):
        with suppress(OSError, IndexError):
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            # /proc/locks names the process that acquired the lock; both lock and id may have passed to another.
            if fields[_STATE] == _STOPPED and _has_locked(pid, lock) and _has_mapped(pid, mapped.st_ino):
                return Holder(pid, fields[_STARTED])
    return None


def kill_stopped(holder: Holder, lock: os.stat_result, mapped: os.stat_result) -> bool:
    """Kill the process if it still holds the lock and is stopped; return whether it was killed.

    :raises OSError: the process belongs to another user.
    """
    try:
        # From here on the id cannot pass to another process.
        descriptor = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return False
    try:
        if stopped_holder(lock, mapped) != holder:
            return False
        with suppress(ProcessLookupError):  # it has ended in the meantime
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
    return True


def _who_locked(inode: int) -> list[int]:
    found = []
    for line in (_PROC / "locks").read_text().splitlines():
        # 1: FLOCK  ADVISORY  WRITE 13350 fe:00:2187810 0 EOF; a waiting process has an arrow before FLOCK.
        fields = line.split()
        if fields[1] == "FLOCK" and fields[3] == "WRITE" and fields[5].rpartition(":")[2] == str(inode):
            found.append(int(fields[4]))
    return found


def _has_locked(pid: int, lock: os.stat_result) -> bool:
    for name in os.listdir(_PROC / str(pid) / "fd"):
        with suppress(OSError):
            if os.path.samestat(os.stat(_PROC / str(pid) / "fd" / name), lock):
                return "FLOCK" in (_PROC / str(pid) / "fdinfo" / name).read_text()
    return False


def _has_mapped(pid: int, inode: int) -> bool:
    return any(line.split()[4] == str(inode) for line in (_PROC / str(pid) / "maps").read_text().splitlines())
