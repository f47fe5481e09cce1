"""The port: durable reads of stock and reservations, and the pages they come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from inventory.domain.dead_letter import Break
from inventory.domain.record import Record
from inventory.domain.reservation import Reservation, ReservationState
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.values import ItemId
from inventory.service.quotas import Sizes

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


class LedgerStatus(NamedTuple):
    """How the ledger is. ``read_only`` says why changes are refused; ``None`` where they are not.

    :ivar action: what the operator has to do; ``None`` where nothing is to be done.
    :ivar sequence: the latest event that is committed; :ivar durable: the latest that survives a power cut.
    :ivar broken: records whose history does not add up → the event that broke it.
    :ivar sizes: how much this process keeps in memory.
    """

    sequence: int
    durable: int
    read_only: str | None
    broken: Mapping[ItemId, Break]
    action: str | None = None
    sizes: Sizes = Sizes()


class StockSnapshot(NamedTuple):
    """Every record, and the items of every SKU, as of one sequence; in the order of the log."""

    as_of_sequence: int
    records: Mapping[ItemId, Record]
    items_of_sku: Mapping[str, Sequence[ItemId]]
