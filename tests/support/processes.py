"""Processes as /proc describes them, and how to stop them for a while."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.waiting import PATIENCE_SECONDS, until

_PROC = Path("/proc")
_ENDED = "ZX"


def _stat(path: Path) -> list[str]:
    """The fields behind the name: state, parent, group, …; none if the process is gone."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    fields = _stat(_PROC / str(pid) / "stat")
    return bool(fields) and fields[0] not in _ENDED


def children(pid: int) -> list[int]:
    """The live children of a process, the oldest first."""
    try:
        listed = [int(name) for name in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []
    return [child for child in listed if is_alive(child)]


def members(group: int) -> list[int]:
    """The live processes of a process group."""
    found = []
    for entry in _PROC.iterdir():
        fields = _stat(entry / "stat") if entry.name.isdigit() else []
        if fields and fields[0] not in _ENDED and int(fields[2]) == group:
            found.append(int(entry.name))
    return found


def is_stopped(pid: int) -> bool:
    """Whether every thread of the process stands still."""
    try:
        return all(_stat(task / "stat")[:1] in (["T"], []) for task in (_PROC / str(pid) / "task").iterdir())
    except OSError:
        return False


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    until(f"process {pid} stands still", lambda: is_stopped(pid) or not is_alive(pid))


def thaw(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    try:
        for pid in pids:
            freeze(pid)
        yield
    finally:
        for pid in pids:
            thaw(pid)


def holds_lock(pid: int, path: Path) -> bool:
    """Whether the process has the ``flock`` on a file."""
    inode = path.stat().st_ino
    for line in (_PROC / "locks").read_text().splitlines():
        # 1: FLOCK  ADVISORY  WRITE 13350 fe:00:2187810 0 EOF; waiting ones have an arrow before FLOCK.
        fields = line.split()
        if fields[1] == "FLOCK" and int(fields[4]) == pid and int(fields[5].rpartition(":")[2]) == inode:
            return True
    return False


def freeze_holder(pids: list[int], path: Path, *, within: float = PATIENCE_SECONDS) -> int:
    """Stop one of the processes while it has the lock on ``path``; returns which one. The others run on."""
    turn = iter(())

    def caught() -> int:
        nonlocal turn
        pid = next(turn, None)
        if pid is None:
            turn = iter(pids)
            pid = next(turn)
        freeze(pid)
        if holds_lock(pid, path):
            return pid
        thaw(pid)
        return 0

    return until(f"one of {pids} stopped with the lock on {path.name}", caught, within=within, pause=0.001)
