"""Maintenance of the log: when a snapshot is taken, and what may leave the log after it."""

from collections.abc import Callable

from inventory.domain.values import Instant
from inventory.service.ports.maintenance import Behind, LogMaintenance, StorageFigures
from inventory.service.sync import IDLE_SHARE

_PAUSE_AFTER_FAILURE = 15_000_000


class Maintenance:
    """Takes a snapshot every so many events or bytes, and compacts after it; in one process at a time.

    Compacts without one, too, once the keys have ended that kept a segment in the log.

    At most a tenth of the time: after a snapshot that took long the next one waits nine times as long.
    """

    def __init__(
        self,
        log_maintenance: LogMaintenance,
        now: Callable[[], Instant],
        every_n_events: int,
        every_bytes: int = 1 << 28,
    ) -> None:
        self._log_maintenance = log_maintenance
        self._now = now
        self._every = Behind(every_n_events, every_bytes)
        self._not_before = Instant(0)

    def run_if_due(self) -> bool:
        """Do what is due, if enough time has passed and no other process is at it; returns whether there was anything.

        :raises StorageUnavailable: see ``run_once``.
        """
        if self._due() is None:
            return False
        with self._log_maintenance.lock() as ours:
            # Looked at again under the lock: another process may have been faster.
            due = self._due() if ours else None
            if due is None:
                return False
            due()
            return True

    def run_once(self) -> int:
        """Take a snapshot and compact, whether it is due or not; returns the snapshot's sequence.

        :raises StorageUnavailable: something could not be done; nothing is lost by it.
        """
        started = self._now()
        self._not_before = Instant(started + _PAUSE_AFTER_FAILURE)
        sequence = self._log_maintenance.take_snapshot()
        self._log_maintenance.compact()
        self._not_before = Instant(self._now() + (self._now() - started) * IDLE_SHARE)
        return sequence

    def whole_snapshots(self) -> list[int]:
        """The sequences of the snapshots that a start could use."""
        return self._log_maintenance.whole_snapshots()

    def figures(self) -> StorageFigures:
        """What the log takes up on disk."""
        return self._log_maintenance.figures()

    def needed_from(self) -> int:
        """See ``LogMaintenance.needed_from``."""
        return self._log_maintenance.needed_from()

    def _due(self) -> Callable[[], object] | None:
        if self._now() < self._not_before:
            return None
        behind = self._log_maintenance.since_snapshot()
        if behind.events >= self._every.events or behind.bytes >= self._every.bytes:
            return self.run_once
        return self._compact if self._log_maintenance.can_compact() else None

    def _compact(self) -> None:
        started = self._now()
        self._not_before = Instant(started + _PAUSE_AFTER_FAILURE)
        self._log_maintenance.compact()
        # Not only a while later: what may go is asked of whole snapshots, and reading them may take longer than that.
        self._not_before = max(self._not_before, Instant(self._now() + (self._now() - started) * IDLE_SHARE))
