"""What a process may choose about its part in a log."""

from collections.abc import Callable
from dataclasses import dataclass, field

from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy
from inventory.service.transaction import Writer


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a process takes part in a log.

    :ivar on_killed: called for each process that was killed because it stood still with the append lock.
    """

    writer: Writer
    commit_wait_ms: int = 2000
    segment_bytes: int = 67_108_864
    on_committer_death: Callable[[], None] = lambda: None
    on_killed: Callable[[], None] = lambda: None
    disk: Disk = field(default_factory=Disk)
    machine: HostClock = field(default_factory=HostClock)
    retry: RetryPolicy = RetryPolicy()
