"""The upkeep of a log on files: snapshots from the replica, compaction of what lies below them."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise

from inventory.domain.errors import StorageUnavailable
from inventory.domain.values import Instant
from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.folder_size import FolderSize
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.replica import Replica
from inventory.eventlog.restore import NotASnapshot
from inventory.eventlog.shared_state import SharedState
from inventory.eventlog.snapshot import encode_image, image_for_audit, image_of
from inventory.eventlog.snapshots import KEPT, PAUSE_SECONDS, SnapshotFolder
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.resilience.turn import turn
from inventory.service.upkeep import StorageFigures

_TAIL = 1 << 21


class FileKeeper:
    """Implements ``LogKeeper`` for one process of a log on files."""

    def __init__(
        self,
        layout: Layout,
        shared: SharedState,
        replica: Replica,
        durability: Durability,
        snapshots: SnapshotFolder,
        *,
        disk: Disk,
        retry: RetryPolicy,
        now: Callable[[], Instant],
        key_ttl_ms: int,
    ) -> None:
        self._layout = layout
        self._shared = shared
        self._replica = replica
        self._durability = durability
        self._snapshots = snapshots
        self._disk = disk
        self._retry = retry
        self._now = now
        self._key_ttl = key_ttl_ms * 1000
        self._sizes = tuple(FolderSize(folder) for folder in (layout.events, layout.archive, layout.snapshots))

    def turn(self) -> AbstractContextManager[bool]:
        """See ``LogKeeper.turn``."""
        return turn(self._layout.upkeep_lock, wait_ms=0)

    def events_since_snapshot(self) -> int:
        """See ``LogKeeper.events_since_snapshot``."""
        taken = self._layout.snapshot_sequences()
        return self._shared.published().sequence - (taken[-1] if taken else 0)

    def take_snapshot(self) -> int:
        """See ``LogKeeper.take_snapshot``."""
        try:
            self._replica.adopt()
            with self._replica.still() as state:
                image = image_of(state, self._replica.cursor, self._replica.newer_format)
            sequence = image.cursor.position.sequence
            self._durability.ensure(sequence)
            self._snapshots.write(image)
        except (LogError, NotASnapshot, OSError) as error:
            raise StorageUnavailable(f"no snapshot could be taken: {error}", outcome="none") from error
        self._shared.count_snapshot()
        return sequence

    def copy_state(self, write: Callable[[bytes], object]) -> int:
        """Hand a copy of this process's state to ``write``, piece by piece, with pauses; returns its sequence.

        :raises StorageUnavailable: the log cannot be read or synced. :raises OSError: what ``write`` raises.
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

    def compact(self) -> int:
        """See ``LogKeeper.compact``.

        What lies below the older of the two newest snapshots goes, so that nothing is ever the only copy;
        but not while a key in it may still be asked for: its answer is read from the segment.
        """
        whole = self._snapshots.whole()
        if len(whole) < KEPT:
            return 0
        segments, moved = self._layout.segments(), 0
        try:
            for segment, following in pairwise(segments):
                # A snapshot of the very end of a segment still names it as the place to go on from.
                if following - 1 >= whole[-KEPT] or self._last_instant(segment) + self._key_ttl > self._now():
                    break
                move_to_archive(self._layout, segment, self._disk, self._retry)
                moved += 1
        except (LogError, OSError) as error:
            raise StorageUnavailable(f"the log could not be compacted: {error}", outcome="none") from error
        return moved

    def whole_snapshots(self) -> list[int]:
        """See ``LogKeeper.whole_snapshots``."""
        return self._snapshots.whole()

    def figures(self) -> StorageFigures:
        """See ``LogKeeper.figures``."""
        log_bytes, archive_bytes, snapshot_bytes = (size.bytes() for size in self._sizes)
        return StorageFigures(
            log_bytes=log_bytes,
            archive_bytes=archive_bytes,
            snapshot_bytes=snapshot_bytes,
            snapshots=self._shared.snapshots_taken,
        )

    def _last_instant(self, segment: int) -> Instant:
        path = self._layout.segment(segment)
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().split(b"\n")
        try:
            return decode(lines[-2]).event.at
        except (NotALine, IndexError) as error:
            raise LogError(f"{path} does not end in a whole line") from error
