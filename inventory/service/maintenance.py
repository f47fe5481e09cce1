"""Maintenance of the log: when to take a snapshot, and when to compact."""

from collections.abc import Callable

from inventory.domain.values import Instant
from inventory.service.ports.maintenance import Behind, LogMaintenance, StorageFigures
from inventory.service.sync import IDLE_SHARE

_PAUSE_AFTER_FAILURE = 15_000_000


class Maintenance:
    """Takes a snapshot every so many events or bytes, and then compacts; in one process at a time.

    Also compacts without a snapshot, once the keys that kept a segment in the log have expired.

    It takes at most a tenth of the time: after a snapshot, the next one waits nine times as long as the snapshot took.
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
        """Do what is due, if enough time has passed and no other process does it; return whether anything was due.

        :raises StorageUnavailable: see ``run_once``.
        """
        if self._due() is None:
            return False
        with self._log_maintenance.lock() as ours:
            # Checked again under the lock: another process may have been faster.
            due = self._due() if ours else None
            if due is None:
                return False
            due()
            return True

    def run_once(self) -> int:
        """Take a snapshot and compact, whether due or not; return the sequence of the snapshot.

        :raises StorageUnavailable: one of them failed; nothing is lost.
        """
        started = self._now()
        self._not_before = Instant(started + _PAUSE_AFTER_FAILURE)
        sequence = self._log_maintenance.take_snapshot()
        self._log_maintenance.compact()
        self._not_before = Instant(self._now() + (self._now() - started) * IDLE_SHARE)
        return sequence

    def whole_snapshots(self) -> list[int]:
        """The sequences of the snapshots that a start can use."""
        return self._log_maintenance.whole_snapshots()

    def figures(self) -> StorageFigures:
        """The size of the log on disk."""
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
        # The pause also covers compaction: it reads the snapshots, which may take longer than taking one.
        self._not_before = max(self._not_before, Instant(self._now() + (self._now() - started) * IDLE_SHARE))
