"""The ledger on files: one process's end of a log that many processes may share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inventory.domain.errors import NeedsOperator, StorageUnavailable
from inventory.domain.events import Delivery
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.values import EntityId, Instant
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.appender import Appender
from inventory.eventlog.archive import SegmentFiles
from inventory.eventlog.committer import Committer
from inventory.eventlog.durability import Durability, sync_failed
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.folder_watch import FolderWatch
from inventory.eventlog.history import FileHistory
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_parts import LogOptions
from inventory.eventlog.maintenance import FileKeeper
from inventory.eventlog.reads import ReplicaReads
from inventory.eventlog.replica import Replica
from inventory.eventlog.shared_header import SharedState
from inventory.eventlog.snapshot import Restored
from inventory.eventlog.snapshots import SnapshotFolder
from inventory.eventlog.ticket import PendingChange, PendingGroup
from inventory.eventlog.writer import BatchWriter, newer_format
from inventory.service.ports.change_queue import Decide, Submission
from inventory.service.ports.stock_reads import LedgerStatus
from inventory.service.quotas import sizes_of


class FileLedger(ReplicaReads):
    """The port on a folder that a starting server has prepared. Made after the fork.

    A log that cannot be read does not stop the process: it comes up read-only and says why.
    """

    def __init__(self, layout: Layout, options: LogOptions, folded: Restored | None = None) -> None:
        """Open the log, fold it, start the committing thread.

        :param folded: what a start has made of the log already; becomes this ledger's own.
        :raises StateUnusable: no server has prepared the folder since the machine started.
        :raises OSError: the folder cannot be opened.
        """
        self._options = options
        self._shared = SharedState(layout.shared_state)
        self._shared.require(options.machine.boot_id())
        self._files = SegmentFiles(layout)
        self._replica = Replica(layout, self._files, self._shared)
        self._durability = Durability(layout, self._shared, options.disk, options.commit_wait_ms)
        self.history = FileHistory(layout, self._files, self._shared, self._durability)
        super().__init__(self._replica, self._durability, self.history.doubts, self.now)
        self._appender = Appender(layout, options.disk)
        self._lock = AppendLock(layout.append_lock, layout.events)
        writer = BatchWriter(
            layout,
            self._shared,
            self._replica,
            self._appender,
            self._durability,
            options.writer,
            self.now,
            options.segment_bytes,
        )
        self._snapshots = SnapshotFolder(layout, options.disk, options.retry)
        self.keeper = FileKeeper(
            layout,
            self._shared,
            self._replica,
            self._durability,
            self._snapshots,
            disk=options.disk,
            retry=options.retry,
            now=self.now,
            key_ttl_ms=options.writer.key_ttl_ms,
        )
        self._watch = FolderWatch(self._shared, self._lock, options.on_killed)
        self._committer = Committer(self._lock, writer, self._durability, options.on_committer_death)
        with _noted_later():
            if folded is None or not self._replica.start_from(folded):
                restored = self._snapshots.newest(self._shared.published().sequence)
                if restored is not None:
                    self._replica.start_from(restored)
            self._replica.load()
            self._durability.follow(self._replica.cursor.position.segment)
        self._watch.start()
        self._committer.start()

    @property
    def shared(self) -> SharedState:
        """The marks that all processes on the folder share."""
        return self._shared

    def now(self) -> Instant:
        """The service's time: the wall clock as of the boot, plus the time since; nobody can set it back."""
        return Instant(self._shared.clock_offset + self._options.machine.since_boot())

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> PendingChange:
        change = PendingChange(entities, decide, key, self._options.commit_wait_ms)
        self._committer.submit(PendingGroup((change,), None, weight))
        return change

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[PendingChange]:
        wait_ms = self._options.commit_wait_ms
        pending = [PendingChange(entities, decide, own, wait_ms) for entities, decide, own, _ in changes]
        self._committer.submit(PendingGroup(pending, key, sum([change.weight for change in changes])))
        return pending

    def queue_depth(self) -> int:
        return self._committer.depth()

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
        return LedgerStatus(sequence, durable, read_only, dict(state.broken), action, sizes_of(state))

    def close(self) -> None:
        """Finish what was submitted and let go of every file."""
        if not self._committer.close():
            # It waits for the append lock, or for the disk, and will need its files when it gets it.
            return
        self._watch.close()
        for part in (self._appender, self._durability, self._lock, self._replica, self._files, self._shared):
            part.close()

    def _why_read_only(self) -> StorageUnavailable | None:
        lost = self._shared.lost or self._lock.why_lost()
        if lost is not None:
            # It ends, and the process that follows opens what is there then.
            return StorageUnavailable(lost, outcome="none")
        if self._shared.failed:
            return sync_failed()
        if self._replica.newer_format is not None:
            return newer_format(self._replica.newer_format)
        if self._committer.ended is not None:
            return StorageUnavailable(self._committer.ended, outcome="none")
        try:
            self._adopt()
        except StorageUnavailable as error:
            return error
        return None


@contextmanager
def _noted_later() -> Iterator[None]:
    """A log that cannot be read now is met again, and reported, by whoever reads or writes next."""
    try:
        yield
    except (LogError, OSError):
        return
