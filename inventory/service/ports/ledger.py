"""The port: what the service asks of an engine that keeps the log. Implemented in memory and on files."""

from collections.abc import Sequence
from typing import Protocol

from inventory.domain.events import Delivery
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import EntityId, ItemId
from inventory.service.ports.change_queue import Decide, Submission, Ticket
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


class Ledger(Protocol):
    """Owns the log. Nobody is told through it of anything that a power cut could take back."""

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        """Queue one change: ``decide`` runs on the current state and its event is made durable, or nothing changes.

        Changes of one entity run in the order in which they were submitted, over all processes one at
        a time. ``decide`` may touch only ``entities``, and may be run again. Under a key (or a
        delivery) that was used before, the first event is the outcome and ``decide`` is not run.

        :param weight: how many operations or lines it has. Commit groups and the queue are measured by it.
        """

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        """Queue several changes, each for itself, in this order: they share one write and one sync.

        :param key: that of the one request of which all are part. If it, or the key of any of them, was
            used for another request, none is carried out: every ``wait`` raises ``IdempotencyConflict``.
        """

    def queue_depth(self) -> int:
        """How many wait to be taken up; what was submitted together counts once for each begun 100 operations."""

    def record(self, item: ItemId) -> Record | None:
        """The latest durable record, or ``None`` where there is none."""

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The SKU over all stores and its records there, by store id, including everything committed before the call.

        :param page: which of the records.
        """

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The same from the central view as this process has it now, with its lag."""

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        """The stores, by id."""

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        """A store's records by SKU.

        :raises StoreNotFound: no event has named the store.
        """

    def reservation(self, reservation_id: str) -> Hold | None:
        """The reservation as its latest durable event left it; ``None`` where none is remembered."""

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        """Reservations in the order they were made. A page may be short; the last one has no ``next_after``.

        One that has ended is given whichever lines it had: whether they are those that are asked for, only the log
        tells. Where they are needed, few of those are on a page.
        """

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        """Up to ``limit`` that still hold something and whose time is over, and whose records take changes."""

    def snapshot(self) -> StockSnapshot:
        """Everything committed before the call, durable."""

    def status(self) -> LedgerStatus:
        """How the ledger is, without waiting for anything."""

    def close(self) -> None:
        """Finish what was submitted and let go of every file."""
