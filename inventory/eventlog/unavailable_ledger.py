"""The ledger of a process that could not open its folder: it refuses everything and says why."""

from collections.abc import Callable, Sequence
from typing import NoReturn

from inventory.domain.errors import NeedsOperator
from inventory.domain.events import Delivery
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import EntityId, Instant, ItemId
from inventory.eventlog.ledger import ENGINE
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.ports.change_queue import Decide, Submission
from inventory.service.ports.health import BrokenItem, LedgerStatus
from inventory.service.ports.published_views import SyncStatus
from inventory.service.ports.stock_reads import LONGEST, PageRequest, ReservationRequest, StockWalk

MEND = "fix the cause; the server replaces this worker every few seconds, and the next one tries again"


class UnavailableLedger:
    """Stands in if a worker that is replaced while the server runs finds the folder unusable.

    If the worker raised an error instead, it would not boot, and gunicorn would stop the healthy ones with it.
    """

    engine = ENGINE

    def __init__(self, reason: str, now: Callable[[], Instant]) -> None:
        self._reason = reason
        self._now = now
        self.history = UnavailableHistory(reason)

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> NoReturn:
        self._refuse()

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> NoReturn:
        self._refuse()

    def queue_depth(self) -> int:
        return 0

    def record(self, item: ItemId) -> NoReturn:
        self._refuse()

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> NoReturn:
        self._refuse()

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> NoReturn:
        self._refuse()

    def stores(self, page: PageRequest) -> NoReturn:
        self._refuse()

    def records_of_store(self, store: str, page: PageRequest) -> NoReturn:
        self._refuse()

    def reservation(self, reservation_id: str) -> NoReturn:
        self._refuse()

    def reservations(self, request: ReservationRequest) -> NoReturn:
        self._refuse()

    def due_reservations(self, limit: int) -> NoReturn:
        self._refuse()

    def walk(self) -> NoReturn:
        self._refuse()

    def status(self) -> LedgerStatus:
        return LedgerStatus(0, 0, self._reason, 0, MEND)

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        return ()

    def now(self) -> Instant:
        return self._now()

    def guard(self, breaker: CircuitBreaker) -> None:
        """Do nothing: this ledger never calls storage."""

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _refuse(self) -> NoReturn:
        raise NeedsOperator(self._reason, MEND)


class UnavailableHistory:
    """The events of such a process, which cannot be read."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def latest(self) -> NoReturn:
        """See ``EventHistory.latest``."""
        raise NeedsOperator(self._reason, MEND)

    def ids(self) -> NoReturn:
        """See ``EventHistory.ids``."""
        raise NeedsOperator(self._reason, MEND)

    def withheld(self) -> NoReturn:
        """See ``EventHistory.withheld``."""
        raise NeedsOperator(self._reason, MEND)

    def before_doubt(self, item: ItemId) -> NoReturn:
        """See ``EventHistory.before_doubt``."""
        raise NeedsOperator(self._reason, MEND)

    def earliest(self, *, archived: bool) -> NoReturn:
        """See ``EventHistory.earliest``."""
        raise NeedsOperator(self._reason, MEND)

    def events(self, first: int, limit: int, *, archived: bool) -> NoReturn:
        """See ``EventHistory.events``."""
        raise NeedsOperator(self._reason, MEND)

    def latest_by(self, instant: Instant) -> NoReturn:
        """See ``EventHistory.latest_by``."""
        raise NeedsOperator(self._reason, MEND)

    def wait_beyond(self, sequence: int, seconds: float) -> NoReturn:
        """See ``EventHistory.wait_beyond``."""
        raise NeedsOperator(self._reason, MEND)

    def of_record(self, item: ItemId, before: int, limit: int) -> NoReturn:
        """See ``EventHistory.of_record``."""
        raise NeedsOperator(self._reason, MEND)


class UnavailableViews:
    """The published views of such a process, which it cannot publish."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def lock(self, *, wait_ms: int) -> NoReturn:
        """See ``Views.lock``."""
        raise NeedsOperator(self._reason, MEND)

    def publish(self, stock: StockWalk) -> None:
        """Never called: the lock cannot be taken."""

    def status(self) -> SyncStatus:
        """See ``Views.status``."""
        return SyncStatus(-1, Instant(0), 0, 0)

    def note(self, status: SyncStatus) -> None:
        """Never called: the lock cannot be taken."""
