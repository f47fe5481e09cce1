"""The commands on a reservation (hold), the atomic batch, and the union of all commands."""

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
    """Hold all of ``lines`` for the client that has ``reservation_id``, or none.

    :ivar ttl_ms: for how long; ``None``: until it is committed or released.
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
        """The number of lines."""
        return len(self.lines)


def reserve_one(
    item: ItemId,
    qty: int,
    reservation_id: str,
    precondition: Precondition = ANY,
    note: Note = NO_NOTE,
    ttl_ms: int | None = None,
) -> HoldStock:
    """A hold with one line."""
    return HoldStock(reservation_id, (WantedLine(item, qty, precondition),), ttl_ms, note)


@dataclass(frozen=True, slots=True)
class CommitHold:
    """Remove units of a reservation from what is on hand: the goods leave.

    :ivar items: the items of the reservation, which never change. :ivar lines: the units; ``None``: all that is held.
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
    """Make units of a reservation available again; fields as in ``CommitHold``."""

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
    """Let a reservation expire ``ttl_ms`` from now."""

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
    """Make available again what an expired reservation still holds."""

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
    """Several changes as one event, in order: each sees those before it. All of them are applied, or none.

    :ivar operations: the holds among them make one reservation: they share its id and its TTL.
    """

    operations: tuple[AdjustStock | CountStock | HoldStock, ...]
    note: Note = NO_NOTE

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return tuple(dict.fromkeys(entity for operation in self.operations for entity in operation.entities))

    @property
    def weight(self) -> int:
        """The number of operations."""
        return sum([operation.weight for operation in self.operations])


HoldCommand: TypeAlias = HoldStock | CommitHold | ReleaseHold | ExtendHold | ExpireHold
Command: TypeAlias = StockCommand | HoldCommand | TransferStock | AtomicBatch | SettleDeadLetter
