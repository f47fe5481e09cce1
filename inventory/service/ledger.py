"""The port: what the service asks of whatever keeps the log. Implemented in memory and on files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from inventory.domain.dead_letter import Break
from inventory.domain.decide import StateView
from inventory.domain.errors import InventoryError
from inventory.domain.events import Delivery, Draft, Event
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation, ReservationState
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.transition import record_after
from inventory.domain.values import EntityId, Instant, ItemId
from inventory.service.quotas import Sizes

Decide: TypeAlias = Callable[[StateView, Instant], Draft]
T = TypeVar("T", covariant=True)


class Outcome(NamedTuple):
    """A durable event, and whether an earlier request with the same key had already caused it."""

    event: Event
    replayed: bool

    @property
    def record(self) -> Record:
        """The record as the event's first line left it."""
        return record_after(self.event.lines[0], self.event.sequence, self.event.at)


class Ticket(Protocol):
    """A place in the queue of changes."""

    def wait(self) -> Outcome:
        """Return the outcome once it is durable. Bounded by COMMIT_WAIT_MS.

        :raises Refusal: what ``decide`` raised, or ``IdempotencyConflict``; nothing has changed.
        :raises Overloaded: it was not begun in time and never will be.
        :raises ReadOnly: changes are refused for now; nothing has changed.
        :raises NeedsOperator: changes are refused until a person has mended the cause.
        :raises StorageUnavailable: if ``outcome`` is "unknown" the event may or may not be on disk:
            ask again with the same key. A ``StorageTimeout``: it was begun and is not finished in time.
        """

    def on_settled(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when ``wait`` would return or raise at once; now, if it does already.

        By whichever thread settles it, so it must neither wait nor raise; perhaps twice. Never, if nobody settles it:
        whoever does not wait has to look again once COMMIT_WAIT_MS is over, when ``wait`` does not wait any more.
        """


class Submission(NamedTuple):
    """One change of several that are submitted together; see ``Ledger.submit``."""

    entities: Sequence[EntityId]
    decide: Decide
    key: IdempotencyKey | Delivery | None = None
    weight: int = 1


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


def refusing(error: InventoryError) -> Decide:
    """Return what refuses a change whose key has caused nothing yet: only the key is looked up."""

    def refused(state: StateView, now: Instant) -> Draft:
        raise error

    return refused


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
