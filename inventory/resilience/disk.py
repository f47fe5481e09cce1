"""The few calls that change or replace files. Tests pass a disk that fails or writes only a part."""

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
    "in-backup",
]
"""Where a fault can be injected: around the calls of a disk, and inside longer operations."""


class Disk:
    """The real disk. Every durable write of the service uses one of these methods."""

    def create(self, path: Path, mode: int = 0o666) -> BinaryIO:
        """Open a new, empty, unbuffered file; an existing one is replaced.

        :param mode: the permissions of a new file, of which the process's umask takes some.
        """
        return open(path, "wb", buffering=0, opener=lambda name, flags: os.open(name, flags, mode))

    def read(self, path: Path) -> bytes:
        """Return the content of a file."""
        return path.read_bytes()

    def append(self, descriptor: int, data: bytes) -> int:
        """Write once at the end of a file opened with ``O_APPEND``; return how many bytes were written."""
        return os.write(descriptor, data)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def fdatasync(self, descriptor: int) -> None:
        """Flush the content of the file: afterwards it survives a power cut."""
        os.fdatasync(descriptor)

    def fsync(self, descriptor: int) -> None:
        """Flush content and metadata of the file."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file to ``size`` bytes."""
        os.ftruncate(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        """Rename ``source`` to ``target``, atomically; an existing ``target`` is replaced."""
        os.replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        """Flush a folder: afterwards the names in it survive a power cut."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reach(self, place: Place) -> None:
        """Called when a longer operation reaches a named place."""


def replace_file(
    path: Path, chunks: Callable[[], Iterable[bytes]], *, disk: Disk, retry: RetryPolicy, mode: int = 0o666
) -> None:
    """Put new content at ``path``, durable when this returns.

    It is written to a temporary file in the same folder, flushed and renamed, and the folder is flushed. Errors are
    retried as ``retry`` says, each time from the start with new ``chunks()``.

    :raises OSError: the error of the last try; the previous file is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def write() -> None:
        try:
            with disk.create(temporary, mode) as file:
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
    """Return the content of a file; errors other than its absence are retried.

    :raises FileNotFoundError: it does not exist.
    :raises OSError: the error of the last try.
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

    An open file keeps its inode, so no other file can have the same identity.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """:param descriptor: open on the file; may be closed afterwards if a mapping stays."""
        self.name = os.fspath(path)
        self.status = os.fstat(descriptor)

    def why_lost(self) -> str | None:
        """Why the name no longer refers to this file; ``None`` while it does."""
        try:
            found = os.stat(self.name)
        except OSError as error:
            return f"{self.name} was removed or moved away ({error.strerror})"
        return None if os.path.samestat(self.status, found) else f"{self.name} was replaced by another file"
