"""Replacing a whole file so that a reader, or a crash, sees the old one or the new one."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy


def replace_file(path: Path, chunks: Callable[[], Iterable[bytes]], *, disk: Disk, retry: RetryPolicy) -> None:
    """Put new content at ``path``: it is on disk under its name when this returns.

    Written to a temporary file in the same folder, synced, renamed, and the folder synced. Errors are
    retried as ``retry`` says, each time from the start with a fresh ``chunks()``.

    :raises OSError: what the last try met; the file that was there is unharmed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def write() -> None:
        try:
            with disk.create(temporary) as file:
                for chunk in chunks():
                    disk.write(file.fileno(), chunk)
                disk.fsync(file.fileno())
            disk.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        disk.sync_folder(path.parent)

    retry.call(write, on=OSError)


def read_file(path: Path, *, disk: Disk, retry: RetryPolicy) -> bytes:
    """Return a whole file's content; errors other than its absence are retried.

    :raises FileNotFoundError: there is none.
    :raises OSError: what the last try met.
    """

    def read() -> bytes | None:
        try:
            return disk.read(path)
        except FileNotFoundError:
            return None

    content = retry.call(read, on=OSError)
    if content is None:
        raise FileNotFoundError(path)
    return content
