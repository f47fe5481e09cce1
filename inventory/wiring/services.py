"""``Services``: the objects that the web, the server and the commands use."""

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
from inventory.service.maintenance import Maintenance
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import QuotaWatch
from inventory.service.reservations import ReservationService
from inventory.service.stock import StockService
from inventory.service.sync import Passes
from inventory.settings import Settings
from inventory.verification.audit import Audits

UNSENT_BYTES = 64 * 1024 * 1024
"""Bytes of answers that clients have not read yet, in each process."""


class Flag:
    """Can be set once, also in a signal handler, which must not wait for a lock that its thread holds."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set the flag."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._is_set


@dataclass(slots=True)
class Serving:
    """What the server of this process says about itself.

    :ivar worker_class: ``inventory`` or ``gthread``; ``other`` if the hooks of ``inventory.server`` do not run.
    """

    worker_class: str = "other"


@dataclass(frozen=True, slots=True)
class Services:
    """The objects of one process, wired together. ``close`` closes every file that they hold.

    :ivar maintenance: the maintenance of the log; ``None`` for an engine that needs none.
    :ivar now: the clock that stamps events and expires keys; setting the wall clock does not affect it.
    :ivar breakers: the circuit breakers of the ledger and the sync.
    :ivar file_retries: the number of retries of writing a published file.
    :ivar accepts_deferred: the number of times a worker left a new client to others, which had fewer connections.
    :ivar connections_cut: the number of connections that the server closed before the client did.
    :ivar log_lines_left_out: the number of suppressed warnings.
    :ivar writers_killed: the number of processes killed because they were stopped with the append lock.
    :ivar clock_lead: how far ``now`` is ahead of the wall clock.
    :ivar buckets: the rate limit of each client; ``None`` for no limit.
    :ivar dead_letters: events that could not be applied; the process that publishes calls ``note_new`` regularly.
    :ivar stopping: set when the process is to end, so that waiting clients get their answers.
    :ivar audit: compares the memory of this process with the log.
    :ivar quotas: the use of the quotas; warns in the log.
    :ivar changes: the bulkhead of changes. :ivar large_reads: the bulkhead of large reads.
    :ivar bulk_changes: the bulkhead of changes with many operations, until they are answered.
    :ivar unsent: answers that clients have not read yet. :ivar cut_answers: the number that were cut short.
    :ivar serving: filled in by the server.
    :ivar backup_lag_ms: how far the continuous copies are behind, the worst of them; ``None`` if there never was one.
    :ivar shedder: decides whether to refuse changes while too many wait.
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
    maintenance: Maintenance | None = None
    backup_lag_ms: Callable[[], int | None] = lambda: None
    serving: Serving = field(default_factory=Serving)
    cut_answers: LocalCounter = field(default_factory=LocalCounter)
    unsent: ByteBudget = field(default_factory=lambda: ByteBudget(UNSENT_BYTES))
    stopping: Flag = field(default_factory=Flag)
    accepts_deferred: LocalCounter = field(default_factory=LocalCounter)
    connections_cut: LocalCounter = field(default_factory=LocalCounter)
    log_lines_left_out: LocalCounter = field(default_factory=LocalCounter)

    def storage_figures(self) -> StorageFigures:
        """The size of the log on disk; all zeros if the engine needs no maintenance."""
        return self.maintenance.figures() if self.maintenance is not None else StorageFigures(0, 0, 0, 0)

    def periodic_actions(self) -> Mapping[str, Callable[[], object]]:
        """The periodic jobs of a server with ``SYNC_MODE=thread`` and of ``inventory worker``, by name.

        Each checks whether there is something to do, and skips it while another process does it.
        """
        actions: dict[str, Callable[[], object]] = {
            "sync": self.sync.sync_if_due,
            "expiry": self.reservations.expire_due,
            "dead_letters": self.dead_letters.note_new,
            "quotas": self.quotas.look,
        }
        if self.maintenance is not None:
            actions["maintenance"] = self.maintenance.run_if_due
        return actions

    def close(self) -> None:
        """Finish submitted changes and close the log."""
        self.ledger.close()
