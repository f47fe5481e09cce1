"""One process at a time: a lock in a file, for work that takes long enough to be polled for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from inventory.domain.errors import NeedsOperator, StorageUnavailable

_POLL_SECONDS = 0.05


@contextmanager
def turn(lock_file: Path, *, wait_ms: int) -> Iterator[bool]:
    """Hold the lock for the ``with`` block; gives ``False`` where another process kept it for ``wait_ms``.

    :raises StorageUnavailable: the lock's folder is gone, or the file cannot be had.
    """
    if not lock_file.parent.is_dir():
        # FileLock would make the folder, in a place where nobody keeps anything any more.
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
