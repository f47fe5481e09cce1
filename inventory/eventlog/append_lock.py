"""The lock that orders all writers of a log, over threads and processes."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from inventory.eventlog.errors import FolderReplaced
from inventory.resilience.disk import NamedFile


class AppendLock:
    """``flock`` on descriptors of its own, opened after the fork: 0.9 µs each.

    filelock's FileLock costs 61–98 µs and polls when contended; a forked child would keep the lock of its parent alive.
    The kernel releases a ``flock`` when the process ends, for whatever reason.

    ``flock`` alone is not fair: a process that releases it and requests it again gets it before the kernel has woken a
    waiter. Of two processes that did nothing else, one waited 340 ms at a time. So a process first takes a second lock,
    the queue, and keeps it while it waits for the first: 2.4 ms at most.

    A lock file can be deleted under its holder, and the next process then locks another file of that name. So the
    folder of the log is locked too, as the last one: two processes that write to the same segments cannot both have it.

    :ivar waits_for: the file whose lock another process has, or had a moment ago; ``None`` while this process does not
        wait. :ivar entries: how often the lock was requested; together they tell one wait from the next.
    """

    def __init__(self, path: Path, log: Path) -> None:
        """:param path: the lock file, created if missing. :param log: the folder of the segments."""
        self.waits_for: NamedFile | None = None
        self.entries = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._turn = os.open(path.with_name(f"{path.name}-turn"), flags, 0o644)
        self._descriptor = os.open(path, flags, 0o644)
        self._log = os.open(log, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._turn_file = NamedFile(path.with_name(f"{path.name}-turn"), self._turn)
        self._file, self._log_file = NamedFile(path, self._descriptor), NamedFile(log, self._log)

    def __enter__(self) -> None:
        self.entries += 1
        self.waits_for = self._turn_file
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        self.waits_for = self._file
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
        self.waits_for = self._log_file
        fcntl.flock(self._log, fcntl.LOCK_EX)
        self.waits_for = None
        lost = self._file.why_lost()
        if lost is not None:
            self._leave()
            raise FolderReplaced(lost)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def enter_within(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Acquire the lock if it becomes free in time; ``False`` if not. Release it through ``__exit__``."""
        self.entries += 1
        tries = max(1, round(seconds * 20))
        try:
            if not self._poll(self._turn, self._turn_file, tries, sleep):
                return False
            try:
                if not self._poll(self._descriptor, self._file, tries, sleep):
                    return False
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)
            if not self._poll(self._log, self._log_file, tries, sleep):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                return False
        finally:
            self.waits_for = None
        return True

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in (self._turn, self._descriptor, self._log):
            os.close(descriptor)

    def why_lost(self) -> str | None:
        """Why this lock is no longer valid, or ``None``: other processes would lock, or write, other files."""
        return self._file.why_lost() or self._turn_file.why_lost() or self._log_file.why_lost()

    def _leave(self) -> None:
        fcntl.flock(self._log, fcntl.LOCK_UN)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _poll(self, descriptor: int, file: NamedFile, tries: int, sleep: Callable[[float], None]) -> bool:
        self.waits_for = file
        for _ in range(tries):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sleep(0.05)
            else:
                return True
        return False
