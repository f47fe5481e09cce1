"""What a caller may ask for. Commands carry every id and note they need; deciding adds nothing from outside.

Each has a ``weight``: how many operations or lines it has, which is what deciding and writing it costs.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from inventory.domain.errors import InventoryError
from inventory.domain.record import Policy
from inventory.domain.values import EntityId, ItemId, StoreId


class Note(NamedTuple):
    """Who asked and why. Copied into the event; no rule looks at it."""

    actor: str = "anonymous"
    request_id: str | None = None
    reason: str | None = None
    reference: str | None = None


NO_NOTE = Note()


class Precondition(NamedTuple):
    """What must hold for the record before the change.

    :ivar versions: its version is one of these; ``None`` allows any, an empty set none.
    :ivar exists: ``True``, it must be there; ``False``, it must not; ``None``, either.
    """

    versions: frozenset[int] | None = None
    exists: bool | None = None


ANY = Precondition()


def at_version(version: int | None) -> Precondition:
    """Make the precondition of an ``expectedVersion``; ``None`` expects nothing."""
    return ANY if version is None else Precondition(frozenset((version,)), exists=True)


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """Add ``delta`` units, or take away if it is negative."""

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
    """What a count is compared with where sales went on while the shelf was counted.

    :ivar on_hand: what was on hand at the version that was on the screen, and what counts have corrected since.
    :ivar version: that of the record up to which this was looked up.
    """

    on_hand: int
    version: int


@dataclass(frozen=True, slots=True)
class CountStock:
    """State that ``on_hand`` units were counted; creates the record if there is none.

    :ivar seen: what was on the screen during the count. What has changed since, but for other counts, is added to
        this one. ``None``: the count holds as it is. An error: nobody can say, and the count is refused with it,
        unless its key shows that it was accepted before.
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
    """Let a record go on whose history stopped adding up at the event ``sequence``.

    ``requeue`` takes what the log says of the record at its word; ``discard`` brings back the figures that it had
    before that event.
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
    """Move units from the stores of ``lines`` to the store ``target``; what it lacks is created there."""

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
        """How many lines it has."""
        return len(self.lines)


def arriving(item: ItemId, target: str) -> ItemId:
    """The same SKU in another store."""
    return ItemId(StoreId(target), item.sku)


StockCommand: TypeAlias = AdjustStock | CountStock | SetPolicy
