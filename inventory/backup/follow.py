"""The continuous copy of a ledger: a pass every half second, until a signal ends it or it cannot continue.

A disk that is full, gone or broken, another process that copies to the target, or a source that is not there for a
while, is reported once for each cause, and later passes try again. Everything else (a gap, another ledger or timeline,
a damaged line) ends the follower: a copy that went on behind a gap would be none.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from inventory.backup.copy import Extended
from inventory.backup.follower_position import FollowerPosition, FollowerPositions, PositionUnreadable
from inventory.backup.manifest import BackupLayout, Manifest
from inventory.backup.target import TargetInUse
from inventory.domain.values import Instant
from inventory.eventlog.errors import FolderReplaced, LogDamaged, StateUnusable
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.host_clock import HostClock

INTERVAL_SECONDS = 0.5
"""From the beginning of a pass to that of the next: a pass that takes as long keeps the copy within a second."""
PAUSE_AFTER_FAILURE_SECONDS = 2.0
"""The pass after a failed one reads the newest segment of the target again, of up to SEGMENT_BYTES."""

_log = logging.getLogger("inventory.backup")


class Marks(NamedTuple):
    """What the shared header of the source says.

    :ivar made: changes when a start has made the header again, or the folder was replaced.
    """

    made: tuple[int, ...]
    durable: int
    now: Instant


def marks_of(source: Layout, machine: HostClock) -> Marks:
    """Read them. Without those of this boot a follower waits: only a start finds out what a power cut has left.

    :raises StateUnusable: no server has started on the folder since the host was booted. :raises OSError: it is gone.
    """
    with closing(SharedHeader(source.shared_header, read_only=True)) as shared:
        shared.require(machine.boot_id())
        found = shared.status
        made = (found.st_dev, found.st_ino, shared.times_made)
        return Marks(made, shared.durable, Instant(shared.clock_offset + machine.since_boot()))


class Copying(Protocol):
    """One target that is copied to. ``inventory.backup.copy.Copy`` is one."""

    def run(self, progress: Progress, extended: Extended) -> Manifest:
        """Make one pass; return the manifest, which is durable.

        :param extended: called with the manifest whenever the target holds everything that was durable when it was
            called last, or when the pass began.
        """

    def close(self) -> None:
        """Release the target. The next pass opens it, and checks that the log continues it."""


class TargetGone(Exception):
    """The target has no manifest any more: it is not mounted, or was removed."""


_MAY_PASS = (OSError, TargetGone, TargetInUse, StateUnusable, FolderReplaced)


class Follower:
    """Keeps one target up to date, and the position of the copy in the data folder.

    :ivar last: the last event that this process has seen in the target; 0 before its first pass.
    """

    def __init__(
        self, target: Path, copying: Copying, positions: FollowerPositions, marks: Callable[[], Marks]
    ) -> None:
        self._target, self._copying, self._positions, self._marks = target, copying, positions, marks
        self.last = 0
        self._manifest = BackupLayout(target).manifest
        self._has_begun = self._is_known()
        self._seen: tuple[object, ...] = ()
        self._cause: object = None
        self._failures = 0

    def run(self, endings: SimpleQueue[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Make passes until there is an ending, and then a last one.

        :raises Exception: this copy cannot continue; the message says why.
        """
        while True:
            started = monotonic()
            pause = INTERVAL_SECONDS if self.pass_once() else PAUSE_AFTER_FAILURE_SECONDS
            try:
                endings.get(timeout=max(0.0, started + pause - monotonic()))
            except Empty:
                continue
            self.pass_once()
            return

    def pass_once(self) -> bool:
        """Copy what is new; return whether the target holds everything that was durable when the pass began.

        :raises Exception: see ``run``.
        """
        try:
            marks = self._marks()
            with self._held_target():
                copied = self._copy(marks)
        except _MAY_PASS as error:
            # An unmounted disk is released only when no file on it is open.
            self._copying.close()
            self._report(error)
            return False
        if self._failures:
            _log.info("copying again", extra={"asOfSequence": copied.last, "failures": self._failures})
        self._cause, self._failures = None, 0
        return True

    def _copy(self, marks: Marks) -> Manifest:
        if self._seen != (marks.made, self._identity()) or marks.durable < self.last:
            # The source or the target may be another one now.
            self._copying.close()

        def begun(_done: int, _all: int) -> None:
            # As soon as the target is accepted: the first copy may take long, and needs the segments that it lacks.
            if not self._has_begun and not self._is_known():
                self._positions.note(FollowerPosition(str(self._target), None, None, 0, ""), marks.now)

        as_of = marks.now

        def extended(manifest: Manifest) -> None:
            nonlocal as_of
            self._positions.note(self._position(manifest), as_of)
            as_of = self._marks().now

        try:
            copied = self._copying.run(begun, extended)
        except LogDamaged:
            # A log that was replaced, or has lost segments, looks damaged in the middle; from the manifest on, the copy
            # says what it is.
            self._copying.close()
            copied = self._copying.run(begun, extended)
        self._has_begun, self.last = True, copied.last
        self._seen = (marks.made, self._identity())
        return copied

    def _is_known(self) -> bool:
        try:
            found = self._positions.find(self._target)
        except PositionUnreadable:
            return True
        return found is not None

    def _identity(self) -> tuple[int, ...]:
        """What changes when another process writes the manifest, or other files are mounted or moved to its place."""
        try:
            found = os.stat(self._manifest)
        except FileNotFoundError:
            return ()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    @contextmanager
    def _held_target(self) -> Iterator[None]:
        """Keep the target's file system mounted for the ``with`` block.

        Once a copy has begun, never begin another one in its place: an unmounted disk leaves an empty folder behind.
        """
        if not self._has_begun:
            yield
            return
        descriptor = os.open(self._target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not self._identity():
                raise TargetGone(
                    f"{self._target} holds no backup now: its disk is not mounted, or its files were moved"
                )
            yield
        finally:
            os.close(descriptor)

    def _position(self, copied: Manifest) -> FollowerPosition:
        chain = copied.chain.hex()
        return FollowerPosition(str(self._target), copied.ledger_id, copied.timeline_id, copied.last, chain)

    def _report(self, error: Exception) -> None:
        self._failures += 1
        cause = (type(error), error.errno if isinstance(error, OSError) else str(error))
        if cause != self._cause:
            _log.warning("a pass failed", extra={"reason": f"{error}", "failures": self._failures})
        self._cause = cause
