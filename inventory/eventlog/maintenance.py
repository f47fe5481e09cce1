"""Maintenance of a log on files: snapshots of the replica, and compaction below them."""

import os
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path

from inventory.domain.errors import StorageUnavailable
from inventory.domain.values import Instant
from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.image import image_for_audit, image_of
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.log_parts import LogParts
from inventory.eventlog.log_reader import START, apart
from inventory.eventlog.shared_header import Position
from inventory.eventlog.snapshot import NotASnapshot, encode_image, read_start
from inventory.eventlog.snapshot_folder import KEPT, PAUSE_SECONDS
from inventory.resilience.process_lock import process_lock
from inventory.service.ports.maintenance import Behind, StorageFigures


class FolderSize:
    """The total size of a folder of files that are written once, except the one with the last name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._guard = threading.Lock()

    def bytes(self) -> int:
        """Return the sum; reads the sizes of new files, and of the two that may have grown."""
        with self._guard:
            names = set(os.listdir(self._folder))
            known = self._sizes.keys()
            # The file that was last before may have grown until the next one was begun.
            look = names - known | {max(known, default=""), max(names, default="")} & names
            for name in known - names:
                self._total -= self._sizes.pop(name)
            for name in look:
                try:
                    size = os.stat(f"{self._folder}/{name}").st_size
                except FileNotFoundError:
                    continue  # moved meanwhile
                self._total += size - self._sizes.get(name, 0)
                self._sizes[name] = size
            return self._total


_TAIL = 1 << 21


class FileMaintenance:
    """Implements ``LogMaintenance`` for one process of a log on files."""

    def __init__(self, parts: LogParts) -> None:
        self._layout, self._shared, self._snapshots = parts.layout, parts.shared, parts.snapshots
        self._replica, self._durability = parts.replica, parts.durability
        self._disk, self._retry = parts.options.disk, parts.options.retry
        self._now = parts.now
        self._key_ttl = parts.options.writer.key_ttl_ms * 1000
        self._newest = (-1, START.position)
        self._oldest = (0, Instant(0))
        self._sizes = tuple(
            FolderSize(folder) for folder in (self._layout.events, self._layout.archive, self._layout.snapshots)
        )

    def lock(self) -> AbstractContextManager[bool]:
        """See ``LogMaintenance.lock``."""
        return process_lock(self._layout.maintenance_lock, wait_ms=0)

    def since_snapshot(self) -> Behind:
        """See ``LogMaintenance.since_snapshot``."""
        end, taken = self._shared.published(), self._layout.snapshot_sequences()
        begin = self._place_of(taken[-1]) if taken else START.position
        passed = [first for first in self._layout.segments() if begin.segment <= first < end.segment]
        read = sum(_size(self._layout.segment(first)) for first in passed) + end.offset - begin.offset
        return Behind(end.sequence - begin.sequence, read)

    def _place_of(self, snapshot: int) -> Position:
        """Where the log continues after a snapshot; the beginning, if this program cannot use the snapshot."""
        known, place = self._newest
        if known != snapshot:
            try:
                place = read_start(self._layout.snapshot(snapshot)).cursor.position
            except (NotASnapshot, OSError):
                place = START.position._replace(sequence=snapshot)
            self._newest = (snapshot, place)
        return place

    def take_snapshot(self) -> int:
        """See ``LogMaintenance.take_snapshot``."""
        try:
            self._replica.adopt()
            with self._replica.still() as state:
                image = image_of(state, self._replica.cursor, self._replica.newer_format)
            sequence = image.cursor.position.sequence
            self._durability.ensure(sequence)
            self._snapshots.write(image)
        except (LogError, NotASnapshot, OSError) as error:
            raise StorageUnavailable(f"cannot take a snapshot: {error}", outcome="none") from error
        self._shared.count_snapshot()
        return sequence

    def copy_state(self, write: Callable[[bytes], object]) -> int:
        """Pass a copy of the state of this process to ``write``, piece by piece, with pauses; return its sequence.

        :raises StorageUnavailable: the log cannot be read or flushed. :raises OSError: from ``write``.
        """
        try:
            self._replica.adopt()
            with self._replica.still() as state:
                image = image_for_audit(state, self._replica.cursor)
            self._durability.ensure(image.cursor.position.sequence)
        except LogError as error:
            raise unreadable(error) from error
        for piece in encode_image(image, lambda: time.sleep(PAUSE_SECONDS)):
            write(piece)
        return image.cursor.position.sequence

    def can_compact(self) -> bool:
        """See ``LogMaintenance.can_compact``."""
        taken, segments = self._layout.snapshot_sequences(), self._layout.segments()
        if len(taken) < KEPT or len(segments) < 2:
            return False
        try:
            return self._may_go(segments[0], segments[1], taken[-KEPT])
        except FileNotFoundError:
            return False  # moved meanwhile
        except (LogError, OSError) as error:
            raise unreadable(error) from error

    def compact(self) -> int:
        """See ``LogMaintenance.compact``.

        Segments below the older of the two newest snapshots are moved, so that nothing is ever the only copy; but not
        while a key in a segment has not expired: its answer is read from the segment.
        """
        whole = self._snapshots.whole()
        if len(whole) < KEPT:
            return 0
        segments, moved = self._layout.segments(), 0
        try:
            for segment, following in pairwise(segments):
                if not self._may_go(segment, following, whole[-KEPT]):
                    break
                move_to_archive(self._layout, segment, self._disk, self._retry)
                moved += 1
        except (LogError, OSError) as error:
            raise StorageUnavailable(f"cannot compact the log: {error}", outcome="none") from error
        return moved

    def _may_go(self, segment: int, following: int, snapshot: int) -> bool:
        # A snapshot of the very end of a segment still refers to that segment.
        return following - 1 < snapshot and self._last_instant(segment) + self._key_ttl <= self._now()

    def needed_from(self) -> int:
        """See ``LogMaintenance.needed_from``: also the events from which the holds of such answers are rebuilt."""
        try:
            self._replica.adopt()
            with self._replica.still() as state:
                keys, holds, now = state.keys.copy(), state.reservations.copy(), self._now()
        except LogError as error:
            raise unreadable(error) from error
        counting = [apart(key.position)[0] for key in keys.entries() if key.ends is not None and key.ends > now]
        if not counting:
            return self._shared.published().segment
        needed = min(counting)
        needed = min([needed, *(hold.created for hold in holds if hold.version > 1 and hold.sequence >= needed)])
        segments = sorted({*self._layout.segments(), *self._layout.archived_segments()})
        return segments[max(0, bisect_right(segments, needed) - 1)]

    def whole_snapshots(self) -> list[int]:
        """See ``LogMaintenance.whole_snapshots``."""
        return self._snapshots.whole()

    def figures(self) -> StorageFigures:
        """See ``LogMaintenance.figures``."""
        log_bytes, archive_bytes, snapshot_bytes = (size.bytes() for size in self._sizes)
        return StorageFigures(
            log_bytes=log_bytes,
            archive_bytes=archive_bytes,
            snapshot_bytes=snapshot_bytes,
            snapshots=self._shared.snapshots_taken,
        )

    def _last_instant(self, segment: int) -> Instant:
        known, at = self._oldest
        if known != segment:
            # It is sealed: it never changes.
            self._oldest = (segment, at := self._read_last_instant(segment))
        return at

    def _read_last_instant(self, segment: int) -> Instant:
        path = self._layout.segment(segment)
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().split(b"\n")
        try:
            return decode(lines[-2]).event.at
        except (NotALine, IndexError) as error:
            raise LogError(f"{path} does not end in a complete line") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # moved meanwhile
