"""The shared header: how far the log is committed, and how far durable, for all processes on one DATA_DIR."""

import mmap
import os
from pathlib import Path
from typing import NamedTuple

from inventory.domain.values import Instant
from inventory.eventlog.errors import FolderReplaced, StateUnusable
from inventory.resilience.disk import NamedFile
from inventory.service.ports.published_views import SyncStatus

_SIZE = 4096
_MAGIC = 0x316576656E747376
(
    _KIND,
    _BOOT_HIGH,
    _BOOT_LOW,
    _FAILED,
    _DURABLE,
    _CLOCK,
    _GENERATION,
    _VIEWS,
    _VIEWS_AT,
    _VIEWS_TOOK,
    _VIEWS_FAILED,
    _MADE,
    _SNAPSHOTS,
    _VIEWS_TRIED,
) = range(14)
_SLOTS = (16, 24)
_HALF = (1 << 64) - 1
_TRIES = 1000
_MADE_BY = "start a server or run 'inventory sync', which creates it from the log"


class Position(NamedTuple):
    """A place in the log: an offset in the segment that begins with sequence ``segment``.

    :ivar sequence: the last event before this place; 0 at the beginning.
    """

    segment: int
    offset: int
    sequence: int


class SharedHeader:
    """The mapping of the header in one process. Every single read and write is atomic.

    :ivar lost: why the folder is no longer the one that was opened, or ``None``; see ``detach``.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Map the file.

        :param create: create the file if it is missing: to prepare a folder, not to open one.
        :param read_only: for a process that only reads it, perhaps from a disk or as a user that may not write.
        :raises StateUnusable: it is missing, or too short to be read.
        :raises OSError: it cannot be opened or allocated.
        """
        self.lost: str | None = None
        access = os.O_RDONLY if read_only else os.O_RDWR | (os.O_CREAT if create else 0)
        try:
            descriptor = os.open(path, access | os.O_CLOEXEC, 0o644)
        except FileNotFoundError as error:
            raise StateUnusable(f"{path} does not exist; {_MADE_BY}") from error
        try:
            if not read_only:
                os.posix_fallocate(descriptor, 0, _SIZE)
            elif os.fstat(descriptor).st_size < _SIZE:
                raise StateUnusable(f"{path} is too short; {_MADE_BY}")
            self._map = mmap.mmap(descriptor, _SIZE, prot=mmap.PROT_READ | (0 if read_only else mmap.PROT_WRITE))
            self._file = NamedFile(path, descriptor)
        finally:
            os.close(descriptor)
        self._mapped = self._items = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Unmap the file."""
        self._mapped.release()
        self._map.close()

    def why_lost(self) -> str | None:
        """Why the header of this folder is no longer the one that is mapped here, or ``None``."""
        return self.lost or self._file.why_lost()

    @property
    def status(self) -> os.stat_result:
        """The identity of the mapped file."""
        return self._file.status

    def require_in_place(self) -> None:
        """:raises FolderReplaced: other processes have, or will have, another header; this one is then detached."""
        lost = self.why_lost()
        if lost is not None:
            self.detach(lost)
            raise FolderReplaced(lost)

    def detach(self, reason: str) -> None:
        """From now on, do not let this process answer from memory.

        It then sees a private header: there is always a new commit, and ``published`` raises. So a read that finds
        nothing new does not have to check ``lost``.
        """
        self.lost = reason
        own = memoryview(bytearray(_SIZE)).cast("Q")
        own[_CLOCK] = self._mapped[_CLOCK]
        own[_GENERATION] = own[_MADE] = _HALF
        self._items = own

    def belongs_to(self, boot_id: int) -> bool:
        """Whether the header was made during this boot; if not, pages may have been lost since."""
        return self.is_made and (self._items[_BOOT_HIGH] << 64 | self._items[_BOOT_LOW]) == boot_id

    def require(self, boot_id: int) -> None:
        """:raises StateUnusable: no server has started on this folder since the host was booted."""
        if not self.belongs_to(boot_id):
            raise StateUnusable(f"the shared header is not from this boot of the host; {_MADE_BY}")

    @property
    def is_made(self) -> bool:
        """Whether the header was ever made."""
        return self._items[_KIND] == _MAGIC

    def make(self, boot_id: int, end: Position, clock_offset: int) -> None:
        """Make the header again for a log that is valid and durable up to ``end``."""
        self._items[_KIND] = 0
        self._items[_MADE] += 1
        self._items[_DURABLE] = end.sequence
        self.publish(end)
        # Two's complement: a wall clock that was never set may be less than the time since boot.
        self._items[_CLOCK] = clock_offset & _HALF
        self._items[_BOOT_HIGH], self._items[_BOOT_LOW] = boot_id >> 64, boot_id & _HALF
        self._items[_FAILED] = 0
        self.note_views(SyncStatus(-1, Instant(0), 0, 0))
        self._items[_KIND] = _MAGIC

    @property
    def times_made(self) -> int:
        """Changes when a server makes the header again: committed lines may have been withdrawn before."""
        return self._items[_MADE]

    @property
    def generation(self) -> int:
        """Changes with every commit: a single load tells a reader that there is nothing new."""
        return self._items[_GENERATION]

    def published(self) -> Position:
        """The committed index: the end of what may be folded.

        :raises StateUnusable: the file is damaged. :raises FolderReplaced: see ``detach``.
        """
        if self.lost is not None:
            raise FolderReplaced(self.lost)
        for _ in range(_TRIES):
            generation = self._items[_GENERATION]
            slot = _SLOTS[generation & 1]
            segment, offset, sequence, check = self._items[slot : slot + 4]
            # Unequal if two commits overtook this read, or if the processor shows the generation before the slot;
            # a moment later both are visible.
            if segment ^ offset ^ sequence ^ generation ^ _MAGIC == check:
                return Position(segment, offset, sequence)
        raise StateUnusable(f"the shared header {self._file.name} is damaged; {_MADE_BY}")

    def publish(self, end: Position) -> None:
        """Move the committed index to ``end``. The caller holds the append lock."""
        generation = self._items[_GENERATION] + 1
        slot = _SLOTS[generation & 1]
        self._items[slot] = end.segment
        self._items[slot + 1] = end.offset
        self._items[slot + 2] = end.sequence
        self._items[slot + 3] = end.segment ^ end.offset ^ end.sequence ^ generation ^ _MAGIC
        self._items[_GENERATION] = generation

    @property
    def durable(self) -> int:
        """The highest sequence that is known to survive a power cut."""
        return self._items[_DURABLE]

    def raise_durable(self, sequence: int) -> None:
        """Record that everything up to ``sequence`` is durable.

        Of two concurrent calls the lower may win; then there is one flush more than needed.
        """
        if sequence > self._items[_DURABLE]:
            self._items[_DURABLE] = sequence

    @property
    def failed(self) -> bool:
        """Whether a flush has failed: nothing new may be confirmed until a server starts."""
        return self._items[_FAILED] != 0

    def fail(self) -> None:
        """Record for all processes that a flush has failed."""
        self._items[_FAILED] = 1

    @property
    def clock_offset(self) -> int:
        """Microseconds to add to the time since boot, to get the time of the service."""
        offset = self._items[_CLOCK]
        return offset - (1 << 64) if offset >> 63 else offset

    @property
    def snapshots_taken(self) -> int:
        """The number of snapshots taken since the file was made."""
        return self._items[_SNAPSHOTS]

    def count_snapshot(self) -> None:
        """Note a snapshot. The caller holds the maintenance lock."""
        self._items[_SNAPSHOTS] += 1

    def views(self) -> SyncStatus:
        """The status of the published views."""
        sequence, at, took, failures = self._items[_VIEWS : _VIEWS_FAILED + 1]
        return SyncStatus(sequence - 1, Instant(at), took, failures, Instant(self._items[_VIEWS_TRIED]))

    def note_views(self, status: SyncStatus) -> None:
        """Record a sync pass. The caller holds the publish lock."""
        self._items[_VIEWS] = status.sequence + 1
        self._items[_VIEWS_AT] = status.at
        self._items[_VIEWS_TOOK] = status.took_ms
        self._items[_VIEWS_FAILED] = status.failures
        self._items[_VIEWS_TRIED] = status.tried_at
