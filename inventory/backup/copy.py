"""Copies a ledger into a backup folder: in each pass, what is durable in the source and not yet in the target."""

import time
from collections.abc import Callable
from pathlib import Path

from inventory.backup.log_copy import LogCopy
from inventory.backup.manifest import BackupError, Manifest
from inventory.backup.snapshot_copy import Identity, copy_snapshots
from inventory.backup.source import DurablePart, all_segments, beginning, continues, durable_part, require_end
from inventory.backup.target import Target, TargetInUse, existing_manifest
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.eventlog.log_reader import Cursor
from inventory.eventlog.shared_header import Position
from inventory.eventlog.timeline import ids_at
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy

Extended = Callable[[Manifest], None]
_LOG_EVERY_SECONDS = 0.25
"""How often the log is copied while a snapshot is."""


def _unreported(_done: int, _total: int) -> None:
    """No progress."""


class Copy:
    """Copies one ledger into one backup folder, in any number of passes. Not for concurrent threads.

    Between passes it keeps the lock of the target, and the hash of the growing segment. After an error the next pass
    begins from the manifest.
    """

    def __init__(
        self,
        source: Layout,
        target: Path,
        disk: Disk | None = None,
        machine: HostClock | None = None,
        retry: RetryPolicy | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """:param disk: of the target."""
        self._source, self._root = source, target
        self._disk, self._machine, self._retry = disk or Disk(), machine or HostClock(), retry or RetryPolicy()
        self._open: tuple[Target, LogCopy] | None = None
        self._invalid_snapshots = set[Identity]()
        self._monotonic, self._extended_at = monotonic, 0.0

    def run(self, progress: Progress = _unreported, extended: Extended = lambda _manifest: None) -> Manifest:
        """Make one pass; return the manifest, which is durable. An error, or a kill, leaves the backup of before.

        :param progress: called with the bytes copied and the bytes to copy.
        :param extended: called with the manifest whenever the backup has everything that was durable when it was called
            last, or when the pass began; more than once if a large snapshot is copied.
        :raises BackupError: this log cannot be copied to this target. If that is known at the beginning of the first
            pass, the target is not changed.
        :raises LogDamaged: the source is damaged; what comes before the damage is in the backup.
        :raises OSError: of the source or of the target.
        """
        try:
            return self._run(progress, extended)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the target. Another pass opens it again."""
        if self._open is not None:
            target, log = self._open
            log.close()
            target.close()
        self._open = None

    def _run(self, progress: Progress, extended: Extended) -> Manifest:
        part = durable_part(self._source, self._disk, self._machine)
        if self._open is not None and self._open[0].manifest.ledger_id is None:
            self.close()  # the first event tells which ledger this is
        if self._open is None:
            self._open = self._opened(part)
        target, log = self._open
        self._extend(log, part, progress)
        extended(target.manifest)

        def now_and_then() -> None:
            if self._monotonic() - self._extended_at >= _LOG_EVERY_SECONDS:
                self._extend(log, durable_part(self._source, self._disk, self._machine))
                extended(target.manifest)

        copy_snapshots(self._source, target, self._invalid_snapshots, now_and_then)
        return target.manifest

    def _extend(self, log: LogCopy, part: DurablePart, progress: Progress = _unreported) -> None:
        damage: LogDamaged | None = None
        if part.last > log.cursor.position.sequence:
            try:
                log.extend(part, progress)
            except LogDamaged as error:
                damage = error
        require_end(self._source, log.cursor.position, part, damage)
        self._extended_at = self._monotonic()

    def _opened(self, part: DurablePart) -> tuple[Target, LogCopy]:
        """Open the target, if the log continues it. :raises BackupError: it does not; nothing was changed."""
        found = existing_manifest(self._root)
        _require_apart(self._root, self._source)
        ids = ids_at(self._source, part.last)
        cursor = beginning(self._source)
        if found is not None and found.ledger_id is not None:
            _require_same(self._root, found, self._source, ids)
            if found.last:
                cursor = self._cursor_behind(found, part)
        target = Target(self._root, ids, lambda: Instant(self._machine.wall()), self._disk, self._retry)
        try:
            if target.found != found:
                raise TargetInUse(f"another process has just copied to {self._root}; repeat the command")
            return target, LogCopy(self._source, target, cursor, part.last)
        except BaseException:
            target.close()
            raise

    def _cursor_behind(self, found: Manifest, part: DurablePart) -> Cursor:
        """Where the log continues after the backup. :raises BackupError: it does not."""
        newest, last, there = found.segments[-1], found.last, all_segments(self._source)
        if part.last < last:
            raise BackupError(
                f"{self._root} has events up to {last}, but the log in {self._source.root} ends at event {part.last}:"
                " confirmed events are missing there. Nothing was changed. See docs/how-to/damaged-log.md"
            )
        if there[0] > last + 1:
            raise BackupError(
                f"{self._root} ends at event {last}, but the log in {self._source.root} begins at event {there[0]}: the"
                " events between were deleted from the archive before they were copied. Nothing was changed. Choose"
                " another folder, and keep this one for its history"
            )
        if newest.packed or last + 1 in there:
            cursor = Cursor(Position(last + 1, 0, last), found.chain)
        else:
            cursor = Cursor(Position(newest.first, newest.size, last), found.chain)
        if not continues(self._source, cursor, part):
            raise BackupError(
                f"the log in {self._source.root} does not continue {self._root} after event {last}: it is another log,"
                " or one of the two is damaged. Nothing was changed. Run 'inventory verify' on both"
            )
        return cursor


def _require_apart(root: Path, source: Layout) -> None:
    if root.resolve().is_relative_to(source.root.resolve()):
        raise BackupError(
            f"{root} is inside the data folder {source.root}: whatever destroys that destroys its backup, too. Nothing"
            " was changed. Choose a folder outside, best on another disk"
        )


def _require_same(root: Path, found: Manifest, source: Layout, ids: LedgerIds) -> None:
    if found.ledger_id != ids.ledger_id:
        raise BackupError(
            f"{root} is a backup of ledger {found.ledger_id}, but {source.root} has ledger {ids.ledger_id}. Nothing was"
            " changed. Choose another folder for this ledger"
        )
    if found.timeline_id != ids.timeline_id:
        raise BackupError(
            f"{root} is a backup of timeline {found.timeline_id}, but {source.root} is on timeline {ids.timeline_id}:"
            " one of them was restored. Nothing was changed. Choose another folder for this timeline, and keep this one"
            " as long as its events may be needed"
        )
