"""The commands on stock. A command carries every id and note that it needs; deciding adds nothing from outside.

Each has a ``weight``: its number of operations or lines, which is the cost of deciding and writing it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from inventory.domain.errors import InventoryError
from inventory.domain.record import Policy
from inventory.domain.values import EntityId, ItemId, StoreId


class Note(NamedTuple):
    """Who asked and why. Copied into the event; no rule depends on it."""

    actor: str = "anonymous"
    request_id: str | None = None
    reason: str | None = None
    reference: str | None = None


NO_NOTE = Note()


class Precondition(NamedTuple):
    """What must hold for the record before the change.

    :ivar versions: its version must be one of these; ``None`` allows any, an empty set none.
    :ivar exists: ``True``: it must exist; ``False``: it must not; ``None``: either.
    """

    versions: frozenset[int] | None = None
    exists: bool | None = None


ANY = Precondition()


def at_version(version: int | None) -> Precondition:
    """Make the precondition of an ``expectedVersion``; ``None`` expects nothing."""
    return ANY if version is None else Precondition(frozenset((version,)), exists=True)


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """Add ``delta`` units; a negative ``delta`` removes them."""

    weight: ClassVar[int] = 1
    item: ItemId
    delta: int
    precondition: Precondition = ANY
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (self.item,)


class Seen(NamedTuple):
    """What a count is compared with if sales continued while the shelf was counted.

    :ivar on_hand: the units on hand at the version that the counter saw, plus what counts have corrected since.
    :ivar version: the version of the record up to which this was computed.
    """

    on_hand: int
    version: int


@dataclass(frozen=True, slots=True)
class CountStock:
    """Set ``on_hand`` to the counted units; create the record if it does not exist.

    :ivar seen: what the counter saw. Changes since then, except other counts, are added to this count. ``None``: the
        count replaces the figure. An error: what the counter saw is unknown, and the count is refused with this
        error, unless its key shows that it was accepted before.
    """

    weight: ClassVar[int] = 1
    item: ItemId
    on_hand: int
    precondition: Precondition = ANY
    note: Note = Note()
    seen: Seen | InventoryError | None = None

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class SettleDeadLetter:
    """Let a record continue whose history is broken at the event ``sequence``.

    ``requeue`` keeps the figures that the log states; ``discard`` restores the figures from before that event.
    """

    weight: ClassVar[int] = 1
    item: ItemId
    sequence: int
    action: Literal["requeue", "discard"]
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Set the safety stock and the threshold of one record."""

    weight: ClassVar[int] = 1
    item: ItemId
    policy: Policy
    precondition: Precondition = ANY
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        return (self.item,)


class WantedLine(NamedTuple):
    """Units of one item. Lines of the same item are added up before anything is checked."""

    item: ItemId
    qty: int
    precondition: Precondition = ANY


@dataclass(frozen=True, slots=True)
class TransferStock:
    """Move units from the stores of ``lines`` to the store ``target``; missing records are created there."""

    lines: tuple[WantedLine, ...]
    target: str
    note: Note = Note()

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """What is to be changed."""
        sources = tuple(dict.fromkeys(line.item for line in self.lines))
        return (*sources, *(arriving(item, self.target) for item in sources))

    @property
    def weight(self) -> int:
        """The number of lines."""
        return len(self.lines)


def arriving(item: ItemId, target: str) -> ItemId:
    """The same SKU in another store."""
    return ItemId(StoreId(target), item.sku)


StockCommand: TypeAlias = AdjustStock | CountStock | SetPolicy
