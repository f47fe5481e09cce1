"""What the web, the worker and the commands are given."""

from collections.abc import Callable
from dataclasses import dataclass

from inventory.domain.values import Instant
from inventory.resilience.breaker import CircuitBreaker
from inventory.resilience.bulkhead import Bulkhead
from inventory.resilience.load_shedder import LoadShedder
from inventory.resilience.tally import Tally
from inventory.resilience.token_bucket import TokenBuckets
from inventory.service.audit import Audits
from inventory.service.ledger import Ledger
from inventory.service.reservations import ReservationService
from inventory.service.stock import StockService
from inventory.service.sync import Passes
from inventory.service.upkeep import StorageFigures, Upkeep
from inventory.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The objects of one process, wired together. ``close`` lets go of every file they hold.

    :ivar upkeep: ``None`` for a ledger that has nothing to be kept up.
    :ivar now: the clock by which events are stamped and keys end; a moved wall clock does not move it.
    :ivar breakers: those around the ledger and the sync.
    :ivar file_retries: how often a published file was tried again.
    :ivar buckets: how fast each client may send changes; ``None`` for no limit.
    :ivar audit: compares what this process has in memory with the log.
    :ivar changes: the changes at work. :ivar shedder: whether further ones are refused for what waits.
    """

    settings: Settings
    ledger: Ledger
    stock: StockService
    reservations: ReservationService
    sync: Passes
    now: Callable[[], Instant]
    breakers: tuple[CircuitBreaker, ...]
    file_retries: Tally
    buckets: TokenBuckets | None
    changes: Bulkhead
    shedder: LoadShedder
    audit: Audits
    upkeep: Upkeep | None = None

    def storage_figures(self) -> StorageFigures:
        """What the log takes up on disk; nothing where there is none to be kept up."""
        return self.upkeep.figures() if self.upkeep is not None else StorageFigures(0, 0, 0, 0)

    def close(self) -> None:
        """Finish what was submitted and close the log."""
        self.ledger.close()
