"""Upkeep of the log: when a snapshot is taken, and what may leave the log after it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from inventory.domain.values import Instant
from inventory.service.sync import IDLE_SHARE

_PAUSE_AFTER_FAILURE = 15_000_000


class StorageFigures(NamedTuple):
    """What the log takes up on disk, in bytes, and how many snapshots were taken since the marks were made."""

    log_bytes: int
    archive_bytes: int
    snapshot_bytes: int
    snapshots: int


class LogKeeper(Protocol):
    """What a log lets be done to it for its upkeep."""

    def turn(self) -> AbstractContextManager[bool]:
        """Take the upkeep lock for the ``with`` block; gives False where another process has it."""

    def events_since_snapshot(self) -> int:
        """How many events a start would have to fold behind the newest snapshot."""

    def take_snapshot(self) -> int:
        """Write a snapshot of everything committed, durable and read back; returns its sequence.

        :raises StorageUnavailable: there is none; those that were there are unharmed.
        """

    def compact(self) -> int:
        """Move what no start needs any more to the archive; returns how many segments.

        :raises StorageUnavailable: a segment could not be moved; it is still in the log.
        """

    def whole_snapshots(self) -> list[int]:
        """The sequences of the snapshots that are what was written, ascending."""

    def figures(self) -> StorageFigures:
        """What everything takes up."""


class Upkeep:
    """Takes a snapshot every N events, and compacts after it; in one process at a time.

    At most a tenth of the time: after a snapshot that took long the next one waits nine times as long.
    """

    def __init__(self, keeper: LogKeeper, now: Callable[[], Instant], every_n_events: int) -> None:
        self._keeper = keeper
        self._now = now
        self._every = every_n_events
        self._not_before = Instant(0)

    def run_if_due(self) -> bool:
        """Run if enough events have come, enough time has passed, and no other process is at it."""
        if not self._is_due():
            return False
        with self._keeper.turn() as ours:
            # Looked at again under the lock: another process may have been faster.
            if not ours or not self._is_due():
                return False
            self.run_once()
            return True

    def run_once(self) -> int:
        """Take a snapshot and compact, whether it is due or not; returns the snapshot's sequence.

        :raises StorageUnavailable: something could not be done; nothing is lost by it.
        """
        started = self._now()
        self._not_before = Instant(started + _PAUSE_AFTER_FAILURE)
        sequence = self._keeper.take_snapshot()
        self._keeper.compact()
        self._not_before = Instant(self._now() + (self._now() - started) * IDLE_SHARE)
        return sequence

    def whole_snapshots(self) -> list[int]:
        """The sequences of the snapshots that a start could use."""
        return self._keeper.whole_snapshots()

    def figures(self) -> StorageFigures:
        """What the log takes up on disk."""
        return self._keeper.figures()

    def _is_due(self) -> bool:
        return self._now() >= self._not_before and self._keeper.events_since_snapshot() >= self._every
