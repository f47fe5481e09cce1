"""The few calls through which files are changed or replaced whole. Tests pass a disk that fails or falls short."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from inventory.resilience.retry import RetryPolicy

Place: TypeAlias = Literal[
    "before-append",
    "during-append",
    "after-append",
    "before-sync",
    "after-sync",
    "before-rename",
    "after-rename",
    "in-snapshot",
    "in-compaction",
    "in-publish",
]
"""Where a fault can be injected: around the calls of a disk, and inside longer pieces of work."""


class Disk:
    """The real disk. Every durable write of the service goes through one of these methods."""

    def create(self, path: Path) -> BinaryIO:
        """Open a new, empty, unbuffered file, in place of one that may be there."""
        return open(path, "wb", buffering=0)

    def read(self, path: Path) -> bytes:
        """Return a whole file's content."""
        return path.read_bytes()

    def append(self, descriptor: int, data: bytes) -> int:
        """Write once at the end of a file opened with ``O_APPEND``; returns how much of ``data`` was taken."""
        return os.write(descriptor, data)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def fdatasync(self, descriptor: int) -> None:
        """Wait until the file's content would survive a power cut."""
        os.fdatasync(descriptor)

    def fsync(self, descriptor: int) -> None:
        """The same for content and metadata."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file to ``size`` bytes."""
        os.ftruncate(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        """Give ``source`` the name ``target``, atomically, in place of what had it."""
        os.replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder survive a power cut."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reach(self, place: Place) -> None:
        """Be told that a longer piece of work has come to a named place inside it."""


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


class NamedFile:
    """The identity (device and inode) of a file that this process keeps open or mapped, and its name.

    A file that is open keeps its inode, so no other file can be taken for it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """:param descriptor: open on the file; may be closed afterwards if a mapping stays."""
        self.name = os.fspath(path)
        self.status = os.fstat(descriptor)

    def why_lost(self) -> str | None:
        """Why the name does not lead to this file any more; ``None`` while it does."""
        try:
            found = os.stat(self.name)
        except OSError as error:
            return f"{self.name} was removed or moved away ({error.strerror})"
        return None if os.path.samestat(self.status, found) else f"{self.name} was replaced by another file"
