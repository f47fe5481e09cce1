"""The ledger on files: the part of one process in a log that many processes share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inventory.domain.errors import NeedsOperator, StorageUnavailable
from inventory.domain.events import Delivery
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.state import LedgerIds
from inventory.domain.values import EntityId, Instant
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.appender import Appender
from inventory.eventlog.durability import sync_failed
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.folder_watch import FolderWatch
from inventory.eventlog.group_store import FileGroupStore, newer_format
from inventory.eventlog.history import FileHistory
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import FORMAT
from inventory.eventlog.log_parts import LogOptions, LogParts
from inventory.eventlog.maintenance import FileMaintenance
from inventory.eventlog.replica_reads import ReplicaReads
from inventory.eventlog.shared_header import SharedHeader
from inventory.eventlog.snapshot import Restored
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.committing_thread import CommitQueue
from inventory.service.ports.change_queue import Decide, Submission, Ticket
from inventory.service.ports.health import BrokenItem, Engine, LedgerStatus
from inventory.service.quotas import sizes_of
from inventory.service.state_pages import broken_of

ENGINE = Engine("files", FORMAT)


class FileLedger(ReplicaReads):
    """The port on a folder that a starting server has prepared. Create it after the fork.

    A log that cannot be read does not stop the process: the ledger is then read-only and says why.
    """

    engine = ENGINE

    def __init__(self, layout: Layout, options: LogOptions, folded: Restored | None = None) -> None:
        """Open the log, fold it, start the committing thread.

        :param folded: the state that a start has folded; it belongs to this ledger from now on.
        :raises StateUnusable: no server has prepared the folder since the host was booted.
        :raises OSError: the folder cannot be opened.
        """
        self._parts = parts = LogParts.opened(layout, options)
        self.history = FileHistory(parts)
        super().__init__(parts, self.history.doubts)
        self._appender = Appender(layout, options.disk)
        self._lock = AppendLock(layout.append_lock, layout.events)
        self.log_maintenance = FileMaintenance(parts)
        self._watch = FolderWatch(parts.shared, self._lock, options.on_killed)
        store = FileGroupStore(parts, self._appender, self._lock)
        self.changes = CommitQueue(store, options.writer, options.commit_wait_ms, options.on_committer_death)
        with _noted_later():
            if folded is None or not parts.replica.start_from(folded):
                restored = parts.snapshots.newest(parts.shared.published().sequence)
                if restored is not None:
                    parts.replica.start_from(restored)
            parts.replica.load()
            parts.durability.follow(parts.replica.cursor.position.segment)
        self._watch.start()
        self.changes.start()

    @property
    def shared(self) -> SharedHeader:
        """The header that all processes on the folder share."""
        return self._shared

    def now(self) -> Instant:
        """The time of the service: the wall clock as of the boot, plus the time since; it never goes back."""
        return self._parts.now()

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        return self.changes.submit(entities, decide, key, weight)

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        return self.changes.submit_all(changes, key)

    def queue_depth(self) -> int:
        return self.changes.queue_depth()

    def guard(self, breaker: CircuitBreaker) -> None:
        self.changes.guard(breaker)

    def status(self) -> LedgerStatus:
        durable = self._shared.durable
        try:
            sequence = self._shared.published().sequence
            why = self._why_read_only()
        except LogError as error:
            sequence, why = durable, unreadable(error)
        action = why.action if isinstance(why, NeedsOperator) else None
        state = self._replica.state
        read_only = None if why is None else str(why)
        ids = state.ids if durable else LedgerIds()
        return LedgerStatus(sequence, durable, read_only, len(state.broken), action, sizes_of(state), ids)

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        with self._still() as state:
            return broken_of(state, limit)

    def close(self) -> None:
        """Finish submitted changes and close every file."""
        if not self.changes.close():
            # The thread waits for the append lock, or for the disk, and then needs its files.
            return
        self._watch.close()
        self._appender.close()
        self._lock.close()
        self._parts.close()

    def _why_read_only(self) -> StorageUnavailable | None:
        lost = self._shared.lost or self._lock.why_lost()
        if lost is not None:
            # This process ends, and the next one opens the current files.
            return StorageUnavailable(lost, outcome="none")
        if self._shared.failed:
            return sync_failed()
        if self._replica.newer_format is not None:
            return newer_format(self._replica.newer_format)
        if self.changes.ended is not None:
            return StorageUnavailable(self.changes.ended, outcome="none")
        try:
            self._adopt()
        except StorageUnavailable as error:
            return error
        return None


@contextmanager
def _noted_later() -> Iterator[None]:
    """Ignore that the log cannot be read: the next read or write reports it."""
    try:
        yield
    except (LogError, OSError):
        return
