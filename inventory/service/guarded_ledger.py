"""A ledger behind a circuit breaker: while storage fails again and again, changes are refused at once."""

from collections.abc import Callable, Sequence

from inventory.domain.errors import NeedsOperator, ReadOnly, Refusal, StorageTimeout, StorageUnavailable
from inventory.domain.events import Delivery
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import EntityId, ItemId
from inventory.resilience.breaker import BreakerOpen, Call, CircuitBreaker
from inventory.service.ports.change_queue import Decide, Outcome, Submission, Ticket, refusing
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.stock_reads import (
    LONGEST,
    LedgerStatus,
    Page,
    PageRequest,
    ReservationRequest,
    SkuStock,
    StockSnapshot,
    StoreSummary,
)


class GuardedLedger:
    """The port over another ledger. Changes go through the breaker, reads do not.

    What counts: ``StorageUnavailable`` is a failure, unless it is a ``StorageTimeout``: what is slow, under load or
    because of another process, would be kept from working off what waits. An outcome or a ``Refusal`` is a success:
    the ledger has decided on the current state. ``Overloaded`` and ``NeedsOperator`` say nothing: the one is about
    load, and opening would turn a full queue into an outage; the other is a refusal of the ledger's own, at once and
    with the better reason, and may be about one record only. Nor does an unexpected error, which comes from ``decide``.

    While the breaker is open a change without a key is refused at once. The key of any other is looked up: what was
    answered before is answered again, and the refusal of the rest is for certain. Nothing is written for that.
    """

    def __init__(self, ledger: Ledger, breaker: CircuitBreaker) -> None:
        self._ledger = ledger
        self._breaker = breaker

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        """See ``Ledger.submit``. :raises ReadOnly: the breaker is open; nothing has changed."""
        try:
            call = self._admitted()
        except ReadOnly as error:
            if key is None:
                raise
            return self._ledger.submit(entities, refusing(error), key)
        try:
            ticket = self._ledger.submit(entities, decide, key, weight)
        except BaseException as error:
            report(self._breaker, call, error)
            raise
        return _GuardedTicket(ticket, self._breaker, call)

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        """See ``Ledger.submit_all``. One call as the breaker sees it, of which each ticket tells.

        :raises ReadOnly: the breaker is open; nothing has changed.
        """
        try:
            call = self._admitted()
        except ReadOnly as error:
            if key is None:
                raise
            return self._ledger.submit_all([one._replace(decide=refusing(error)) for one in changes], key)
        try:
            tickets = self._ledger.submit_all(changes, key)
        except BaseException as error:
            report(self._breaker, call, error)
            raise
        return [_GuardedTicket(ticket, self._breaker, call) for ticket in tickets]

    def _admitted(self) -> Call:
        try:
            return self._breaker.admit()
        except BreakerOpen as error:
            raise ReadOnly(
                "changes are refused for a while, because storage has failed again and again",
                retry_after_ms=error.retry_after_ms,
            ) from error

    def queue_depth(self) -> int:
        return self._ledger.queue_depth()

    def record(self, item: ItemId) -> Record | None:
        return self._ledger.record(item)

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return self._ledger.records_of_sku(sku, page)

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return self._ledger.central_stock(sku, page)

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        return self._ledger.stores(page)

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        return self._ledger.records_of_store(store, page)

    def reservation(self, reservation_id: str) -> Hold | None:
        return self._ledger.reservation(reservation_id)

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        return self._ledger.reservations(request)

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        return self._ledger.due_reservations(limit)

    def snapshot(self) -> StockSnapshot:
        return self._ledger.snapshot()

    def status(self) -> LedgerStatus:
        return self._ledger.status()

    def close(self) -> None:
        """See ``Ledger.close``."""
        self._ledger.close()


class _GuardedTicket:
    """Reports to the breaker what the first ``wait`` finds."""

    __slots__ = ("_breaker", "_call", "_ticket")

    def __init__(self, ticket: Ticket, breaker: CircuitBreaker, call: Call) -> None:
        self._ticket = ticket
        self._breaker = breaker
        self._call: Call | None = call

    def on_settled(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_settled``."""
        self._ticket.on_settled(call)

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        call, self._call = self._call, None
        if call is None:
            return self._ticket.wait()
        try:
            outcome = self._ticket.wait()
        except BaseException as error:
            report(self._breaker, call, error)
            raise
        self._breaker.succeeded(call)
        return outcome


def report(breaker: CircuitBreaker, call: Call, error: BaseException) -> None:
    """Tell the breaker what an error says of the storage behind it."""
    match error:
        case StorageTimeout() | NeedsOperator():
            breaker.withdrew(call)
        case StorageUnavailable():
            breaker.failed(call)
        case Refusal():
            breaker.succeeded(call)
        case _:
            breaker.withdrew(call)
