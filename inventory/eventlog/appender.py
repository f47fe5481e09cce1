"""Appends to the log; nothing else writes to it."""

import os

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.errors import LogRewound
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import Cursor
from inventory.eventlog.shared_header import Position
from inventory.resilience.disk import Disk


class Appender:
    """Appends commit groups to the newest segment. The caller of every method holds the append lock."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._segment = 0
        self._descriptor = -1

    def size(self, segment: int) -> int:
        """Return the size of the segment in bytes, committed or not.

        :raises LogRewound: the open file no longer has its name: what is written to it would be lost, and a flush of it
            would succeed.
        """
        self._open(segment)
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if found is None or not os.path.samestat(found, self._file):
            path = self._path
            self.close()
            raise LogRewound(f"{path} was removed or replaced")
        return found.st_size

    def append(self, end: Position, data: bytes) -> None:
        """Write ``data`` with one call after ``end``: all of it, or nothing that a reader can see.

        :raises StorageUnavailable: nothing was appended; or, with outcome "unknown", a torn write could not be cut off.
        """
        descriptor = self._open(end.segment)
        try:
            taken = self._disk.append(descriptor, data)
            if taken == len(data):
                return
            raise OSError(f"only {taken} of {len(data)} bytes were written")
        except OSError as error:
            self._cut(descriptor, end.offset, error)
            raise StorageUnavailable(f"cannot append to the event log: {error}", outcome="none") from error

    def cut_unterminated(self, position: Position) -> None:
        """Cut off what a dead writer left after its last complete line.

        :raises StorageUnavailable: it could not be cut off.
        """
        self._cut(self._open(position.segment), position.offset, None)

    def rotate(self, end: Cursor) -> Cursor:
        """Begin a new segment after ``end``, whose segment is durable; return the place where it begins.

        :raises StorageUnavailable: it could not be created; the old one is unchanged.
        """
        first = end.position.sequence + 1
        try:
            self._open(first, os.O_CREAT)
            self._disk.sync_folder(self._layout.events)
            if os.fstat(self._descriptor).st_size:
                raise OSError(f"{self._layout.segment(first)} is not empty")
        except OSError as error:
            raise StorageUnavailable(f"cannot begin a new file of the event log: {error}", outcome="none") from error
        return Cursor(Position(first, 0, end.position.sequence), end.chain)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._segment, self._descriptor = 0, -1

    def _cut(self, descriptor: int, size: int, cause: OSError | None) -> None:
        try:
            self._disk.truncate(descriptor, size)
        except OSError as error:
            message = f"cannot append to the event log, nor cut it back: {error}"
            raise StorageUnavailable(message, outcome="unknown") from (cause or error)

    def _open(self, segment: int, creating: int = 0) -> int:
        if self._segment != segment:
            self.close()
            flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | creating
            self._path = self._layout.segment(segment)
            self._descriptor = os.open(self._path, flags, 0o644)
            # An open file keeps its inode: a later file of this name is compared with it.
            self._file = os.fstat(self._descriptor)
            self._segment = segment
        return self._descriptor
