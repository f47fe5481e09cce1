"""The port: durable reads of stock and reservations, and the pages they come in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation, ReservationState
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.values import ItemId

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a sorted list: up to ``limit`` entries after ``after`` that begin with ``prefix``."""

    limit: int = 100
    after: str | None = None
    prefix: str = ""


LONGEST = PageRequest(34_000)
"""As many records as one read of a SKU returns: more never fit into 4 MiB of JSON."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list sorted by code point; ``next_after`` is ``None`` on the last page.

    :ivar withheld: whether there are later events, not known to be durable, that do not concern this page.
    """

    items: Sequence[T]
    next_after: str | None
    as_of_sequence: int
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """A page of reservations: up to ``limit``, in the order of their creation, after the event ``after``.

    Of those, the ones with this state, with a line of this store and SKU, and with this reference.

    :ivar with_lines: whether ended ones should have their lines.
    """

    limit: int = 100
    after: int = 0
    state: ReservationState | None = None
    store: str | None = None
    sku: str | None = None
    reference: str | None = None
    with_lines: bool = False

    @property
    def reads_lines(self) -> bool:
        """Whether the lines of ended ones are needed, which must be read from the log."""
        return self.with_lines or self.store is not None or self.sku is not None

    def names(self, reservation: Reservation) -> bool:
        """Whether it has a line of the store and SKU."""
        return any(
            self.store in (None, line.item.store) and self.sku in (None, line.item.sku) for line in reservation.lines
        )


class StoreSummary(NamedTuple):
    """A store and the number of its SKUs."""

    store: str
    skus: int


class SkuStock(NamedTuple):
    """One SKU over all stores: its sums, and a page of its records by store, both as of one event.

    :ivar totals: over all stores, not only this page; no store has the SKU if ``totals.stores`` is 0.
    :ivar next_after: the store of the last record here; ``None`` on the last page.
    :ivar lag_ms: how long ago this view was last known to be complete. :ivar withheld: see ``Page``.
    """

    sku: str
    totals: SkuTotals
    records: Sequence[Record]
    next_after: str | None
    as_of_sequence: int
    lag_ms: int
    withheld: bool = False


class SkuRecords(NamedTuple):
    """A SKU and all its records, by store."""

    sku: str
    records: Sequence[Record]


class StockWalk(Protocol):
    """All stock as of one event, in parts, as long as it is open; changes continue meanwhile.

    The engine chooses the order, which is always the same. ``after`` is the ``next_after`` of the previous part.
    """

    @property
    def as_of_sequence(self) -> int:
        """The sequence of that event."""

    def records(self, after: str | None, limit: int) -> Page[Record]:
        """Every record."""

    def skus(self, after: str | None, limit: int) -> Page[SkuRecords]:
        """Every SKU."""


def every(part_after: Callable[[str | None, int], Page[T]], at_once: int) -> Iterator[Sequence[T]]:
    """Yield the parts of a walk until its end; no part is empty."""
    after: str | None = None
    while True:
        part = part_after(after, at_once)
        if part.items:
            yield part.items
        after = part.next_after
        if after is None:
            return


class StockReads(Protocol):
    """Reads of records. All are durable, and include everything that was committed before the call."""

    def record(self, item: ItemId) -> Record | None:
        """The latest record, or ``None`` if it does not exist."""

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The SKU over all stores, and a page of its records, by store id."""

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The same from the current central view of this process, with its lag."""

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        """The stores, by id."""

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        """The records of a store by SKU.

        :raises StoreNotFound: no event has named the store.
        """

    def walk(self) -> AbstractContextManager[StockWalk]:
        """All stock, in parts. It is not copied as a whole, unless the engine has it in memory."""


class HoldReads(Protocol):
    """Reads of reservations. All are durable, except ``due_reservations``."""

    def reservation(self, reservation_id: str) -> Hold | None:
        """The reservation as of its latest event; ``None`` if none is remembered under this id."""

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        """Reservations in the order of their creation. A page may be short; the last one has no ``next_after``.

        Ended ones are included whichever lines they had, which only the log knows. If those are needed, a page has few
        of them.
        """

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        """Up to ``limit`` expired ones that still hold something and whose records accept changes."""
