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
    """Which part of a sorted list: up to ``limit`` entries after ``after`` that begin with ``prefix``."""

    limit: int = 100
    after: str | None = None
    prefix: str = ""


LONGEST = PageRequest(34_000)
"""As much as one read returns of a SKU. As JSON so many records never fit into 4 MiB."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list sorted by code point; ``next_after`` is ``None`` on the last page.

    :ivar withheld: whether there are later events, none of which concerns this part, that are not known to be durable.
    """

    items: Sequence[T]
    next_after: str | None
    as_of_sequence: int
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Which reservations: up to ``limit``, in the order they were made, after the event ``after``.

    Of those, the ones with this state, with a line of this store and SKU, and with this reference.

    :ivar with_lines: those that have ended are wanted with their lines.
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
        """Whether the lines of one that has ended are needed, which are read from the log."""
        return self.with_lines or self.store is not None or self.sku is not None

    def names(self, reservation: Reservation) -> bool:
        """Whether it has a line of the store and SKU."""
        return any(
            self.store in (None, line.item.store) and self.sku in (None, line.item.sku) for line in reservation.lines
        )


class StoreSummary(NamedTuple):
    """A store and how many SKUs it has."""

    store: str
    skus: int


class SkuStock(NamedTuple):
    """One SKU over all stores: its sums, and part of its records by store, both as of one event.

    :ivar totals: over all stores, not this part only; none of them has the SKU where ``totals.stores`` is 0.
    :ivar next_after: the store of the last record here; ``None`` where it is the last of all.
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
    """All stock as of one event, in parts, for as long as it is open; changes go on meanwhile.

    The order is the engine's own, and the same each time. ``after`` is the ``next_after`` of the part before.
    """

    @property
    def as_of_sequence(self) -> int:
        """The event."""

    def records(self, after: str | None, limit: int) -> Page[Record]:
        """Every record."""

    def skus(self, after: str | None, limit: int) -> Page[SkuRecords]:
        """Every SKU."""


def every(part_after: Callable[[str | None, int], Page[T]], at_once: int) -> Iterator[Sequence[T]]:
    """Yield the parts of a walk, none of which is empty, until its end."""
    after: str | None = None
    while True:
        part = part_after(after, at_once)
        if part.items:
            yield part.items
        after = part.next_after
        if after is None:
            return


class StockReads(Protocol):
    """Reads of records. All of them are durable, and hold everything that was committed before the call."""

    def record(self, item: ItemId) -> Record | None:
        """The latest record, or ``None`` where there is none."""

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The SKU over all stores, and that part of its records, by store id."""

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """The same from the central view as this process has it now, with its lag."""

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        """The stores, by id."""

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        """A store's records by SKU.

        :raises StoreNotFound: no event has named the store.
        """

    def walk(self) -> AbstractContextManager[StockWalk]:
        """Everything, in parts. Nothing of it is in memory twice, unless the engine has it there already."""


class HoldReads(Protocol):
    """Reads of reservations. All of them are durable, but for those that are due."""

    def reservation(self, reservation_id: str) -> Hold | None:
        """The reservation as its latest event left it; ``None`` where none is remembered."""

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        """Reservations in the order they were made. A page may be short; the last one has no ``next_after``.

        One that has ended is given whichever lines it had: whether they are those that are asked for, only the log
        tells. Where they are needed, few of those are on a page.
        """

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        """Up to ``limit`` that still hold something and whose time is over, and whose records take changes."""
