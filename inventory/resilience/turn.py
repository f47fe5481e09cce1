"""One process at a time: a lock in a file, for work that takes long enough to be polled for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_SECONDS = 0.05


@contextmanager
def turn(lock_file: Path, *, wait_ms: int) -> Iterator[bool]:
    """Hold the lock for the ``with`` block; gives ``False`` where another process kept it for ``wait_ms``."""
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=wait_ms / 1000, poll_interval=_POLL_SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
