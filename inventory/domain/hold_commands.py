"""What a caller may ask for with a reservation, or hold."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from inventory.domain.commands import (
    ANY,
    NO_NOTE,
    AdjustStock,
    CountStock,
    Note,
    Precondition,
    SettleDeadLetter,
    StockCommand,
    TransferStock,
    WantedLine,
)
from inventory.domain.values import EntityId, ItemId, ReservationId


@dataclass(frozen=True, slots=True)
class HoldStock:
    """Promise all of ``lines`` to whoever holds ``reservation_id``, or nothing.

    :ivar ttl_ms: for how long; ``None``, until it is committed or released.
    """

    reservation_id: str
    lines: tuple[WantedLine, ...]
    ttl_ms: int | None = None
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (ReservationId(self.reservation_id), *dict.fromkeys(line.item for line in self.lines))

    @property
    def weight(self) -> int:
        """How many lines it has."""
        return len(self.lines)


def reserve_one(
    item: ItemId,
    qty: int,
    reservation_id: str,
    precondition: Precondition = ANY,
    note: Note = NO_NOTE,
    ttl_ms: int | None = None,
) -> HoldStock:
    """The hold of one line."""
    return HoldStock(reservation_id, (WantedLine(item, qty, precondition),), ttl_ms, note)


@dataclass(frozen=True, slots=True)
class CommitHold:
    """The goods leave: take units of a reservation from what is on hand.

    :ivar items: the items of the reservation, which never change. :ivar lines: how much of which; ``None``, all.
    """

    reservation_id: str
    items: tuple[ItemId, ...]
    lines: tuple[WantedLine, ...] | None = None
    precondition: Precondition = ANY
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (ReservationId(self.reservation_id), *self.items)

    @property
    def weight(self) -> int:
        """How many lines the reservation has: it is written as a whole."""
        return max(1, len(self.items))


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Give units of a reservation back to what is available; as ``CommitHold``."""

    reservation_id: str
    items: tuple[ItemId, ...]
    lines: tuple[WantedLine, ...] | None = None
    precondition: Precondition = ANY
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (ReservationId(self.reservation_id), *self.items)

    @property
    def weight(self) -> int:
        """How many lines the reservation has: it is written as a whole."""
        return max(1, len(self.items))


@dataclass(frozen=True, slots=True)
class ExtendHold:
    """Let a reservation last for ``ttl_ms`` from now on."""

    weight: ClassVar[int] = 1
    reservation_id: str
    ttl_ms: int
    precondition: Precondition = ANY
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (ReservationId(self.reservation_id),)


@dataclass(frozen=True, slots=True)
class ExpireHold:
    """Give back what a reservation still holds whose time is over."""

    reservation_id: str
    items: tuple[ItemId, ...]
    note: Note = Note("expiry")

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (ReservationId(self.reservation_id), *self.items)

    @property
    def weight(self) -> int:
        """How many lines the reservation has: it is written as a whole."""
        return max(1, len(self.items))


@dataclass(frozen=True, slots=True)
class AtomicBatch:
    """Several changes as one event, in order: each sees those before it. All of them happen, or none.

    :ivar operations: the holds among them make one reservation: they share its id and its time.
    """

    operations: tuple[AdjustStock | CountStock | HoldStock, ...]
    note: Note = NO_NOTE

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return tuple(dict.fromkeys(entity for operation in self.operations for entity in operation.entities))

    @property
    def weight(self) -> int:
        """How many operations it has."""
        return sum([operation.weight for operation in self.operations])


HoldCommand: TypeAlias = HoldStock | CommitHold | ReleaseHold | ExtendHold | ExpireHold
Command: TypeAlias = StockCommand | HoldCommand | TransferStock | AtomicBatch | SettleDeadLetter
