"""What a process may choose about its part in a log, and the parts that most of this package works on."""

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

    :ivar on_killed: called for each process that was killed because it stood still with the append lock.
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
    """One process's end of a log: where it is, how far it is committed and durable, and the fold of it.

    :ivar files: opens segments, archived ones too. :ivar shared: the header that all processes share.
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

        :raises StateUnusable: no server has prepared the folder since the machine started.
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
        """The service's time: the wall clock as of the boot, plus the time since; nobody can set it back."""
        return Instant(self.shared.clock_offset + self.options.machine.since_boot())

    def close(self) -> None:
        """Let go of every file."""
        for part in (self.durability, self.replica, self.files, self.shared):
            part.close()
