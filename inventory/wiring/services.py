"""What the web, the worker and the commands are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from inventory.domain.values import Instant
from inventory.resilience.breaker import CircuitBreaker
from inventory.resilience.bulkhead import Bulkhead, ByteBudget
from inventory.resilience.counter import LocalCounter
from inventory.resilience.load_shedder import LoadShedder
from inventory.resilience.token_bucket import TokenBuckets
from inventory.service.clock_lead import ClockLead
from inventory.service.dead_letters import DeadLetters
from inventory.service.history import HistoryService
from inventory.service.maintenance import Upkeep
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import QuotaWatch
from inventory.service.reservations import ReservationService
from inventory.service.stock import StockService
from inventory.service.sync import Passes
from inventory.settings import Settings
from inventory.verification.audit import Audits

UNSENT_BYTES = 64 * 1024 * 1024
"""Of answers that clients have not taken yet, in each process."""


class Flag:
    """Set once, from anywhere: also from a signal's handler, which may not wait for a lock that its thread holds."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """From now on it is set."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether it is."""
        return self._is_set


@dataclass(slots=True)
class Serving:
    """How this process is asked: what its server says of itself.

    :ivar worker_class: ``inventory`` or ``gthread``; ``other`` where the hooks of ``inventory.server`` do not run.
    """

    worker_class: str = "other"


@dataclass(frozen=True, slots=True)
class Services:
    """The objects of one process, wired together. ``close`` lets go of every file they hold.

    :ivar upkeep: ``None`` for a ledger that has nothing to be kept up.
    :ivar now: the clock by which events are stamped and keys end; a moved wall clock does not move it.
    :ivar breakers: those around the ledger and the sync.
    :ivar file_retries: how often a published file was tried again.
    :ivar connections_cut: how often a connection was closed before its client had closed it.
    :ivar log_lines_left_out: warnings that were only counted, being many of one kind.
    :ivar writers_killed: how many processes were killed because they stood still with the append lock.
    :ivar clock_lead: how far ``now`` is ahead of the wall clock.
    :ivar buckets: how fast each client may send changes; ``None`` for no limit.
    :ivar dead_letters: what could not be applied; ``note_new`` is to be called now and then by whoever publishes.
    :ivar stopping: set when the process is to end: whoever waits for news goes home.
    :ivar audit: compares what this process has in memory with the log.
    :ivar quotas: how much of what may be there is there; warns in the log.
    :ivar changes: the threads at work on changes. :ivar large_reads: those at work on large reads.
    :ivar bulk_changes: changes with many operations, until they are answered.
    :ivar unsent: answers that clients have not taken yet. :ivar cut_answers: how many were cut short for that.
    :ivar serving: filled in by the server.
    :ivar shedder: whether further changes are refused for what waits.
    """

    settings: Settings
    ledger: Ledger
    stock: StockService
    reservations: ReservationService
    history: HistoryService
    sync: Passes
    now: Callable[[], Instant]
    breakers: tuple[CircuitBreaker, ...]
    file_retries: LocalCounter
    writers_killed: LocalCounter
    clock_lead: ClockLead
    buckets: TokenBuckets | None
    changes: Bulkhead
    large_reads: Bulkhead
    bulk_changes: Bulkhead
    shedder: LoadShedder
    dead_letters: DeadLetters
    audit: Audits
    quotas: QuotaWatch
    upkeep: Upkeep | None = None
    serving: Serving = field(default_factory=Serving)
    cut_answers: LocalCounter = field(default_factory=LocalCounter)
    unsent: ByteBudget = field(default_factory=lambda: ByteBudget(UNSENT_BYTES))
    stopping: Flag = field(default_factory=Flag)
    connections_cut: LocalCounter = field(default_factory=LocalCounter)
    log_lines_left_out: LocalCounter = field(default_factory=LocalCounter)

    def storage_figures(self) -> StorageFigures:
        """What the log takes up on disk; nothing where there is none to be kept up."""
        return self.upkeep.figures() if self.upkeep is not None else StorageFigures(0, 0, 0, 0)

    def periodic_actions(self) -> Mapping[str, Callable[[], object]]:
        """What a server with ``SYNC_MODE=thread`` and ``inventory worker`` do again and again, by name.

        Each looks by itself whether there is something to do, and leaves it to another process that is at it.
        """
        actions: dict[str, Callable[[], object]] = {
            "sync": self.sync.sync_if_due,
            "expiry": self.reservations.expire_due,
            "dead_letters": self.dead_letters.note_new,
            "quotas": self.quotas.look,
        }
        if self.upkeep is not None:
            actions["upkeep"] = self.upkeep.run_if_due
        return actions

    def close(self) -> None:
        """Finish what was submitted and close the log."""
        self.ledger.close()
