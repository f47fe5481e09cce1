"""The few calls through which files are changed. Tests pass one that fails, falls short or counts."""

import os
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

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
