"""The options of a process that takes part in a log, and the objects that most of this package uses."""

from collections.abc import Callable
from dataclasses import dataclass, field

from inventory.domain.values import Instant
from inventory.eventlog.archive import SegmentFiles
from inventory.eventlog.durability import Durability
from inventory.eventlog.layout import Layout
from inventory.eventlog.replica import Replica
from inventory.eventlog.shared_header import SharedHeader
from inventory.eventlog.snapshot_folder import SnapshotFolder
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy
from inventory.service.change_overlay import EventStamp


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a process takes part in a log.

    :ivar on_killed: called for each process that was killed because it was stopped with the append lock.
    """

    writer: EventStamp
    commit_wait_ms: int = 2000
    segment_bytes: int = 67_108_864
    on_committer_death: Callable[[], None] = lambda: None
    on_killed: Callable[[], None] = lambda: None
    disk: Disk = field(default_factory=Disk)
    machine: HostClock = field(default_factory=HostClock)
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True, slots=True)
class LogParts:
    """The part of one process in a log: its files, the shared header, durability, and the fold.

    :ivar files: opens segments, including archived ones. :ivar shared: the header that all processes share.
    """

    layout: Layout
    options: LogOptions
    shared: SharedHeader
    files: SegmentFiles
    replica: Replica
    durability: Durability
    snapshots: SnapshotFolder

    @classmethod
    def opened(cls, layout: Layout, options: LogOptions) -> "LogParts":
        """Open a folder that a starting server has prepared. Nothing is folded yet.

        :raises StateUnusable: no server has prepared the folder since the host was booted.
        :raises OSError: the folder cannot be opened.
        """
        shared = SharedHeader(layout.shared_header)
        shared.require(options.machine.boot_id())
        files = SegmentFiles(layout)
        return cls(
            layout,
            options,
            shared,
            files,
            Replica(layout, files, shared),
            Durability(layout, shared, options.disk, options.commit_wait_ms),
            SnapshotFolder(layout, options.disk, options.retry),
        )

    def now(self) -> Instant:
        """The time of the service: the wall clock as of the boot, plus the time since; it never goes back."""
        return Instant(self.shared.clock_offset + self.options.machine.since_boot())

    def close(self) -> None:
        """Close every file."""
        for part in (self.durability, self.replica, self.files, self.shared):
            part.close()
