"""What a caller may ask for. Commands carry every id and note they need; deciding adds nothing from outside."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from inventory.domain.values import ItemId


class Note(NamedTuple):
    """Who asked and why. Copied into the event; no rule looks at it."""

    actor: str = "anonymous"
    request_id: str | None = None
    reason: str | None = None
    reference: str | None = None


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

    item: ItemId
    delta: int
    precondition: Precondition = ANY
    note: Note = Note()


@dataclass(frozen=True, slots=True)
class ReserveStock:
    """Promise ``qty`` units to whoever holds ``reservation_id``."""

    item: ItemId
    qty: int
    reservation_id: str
    precondition: Precondition = ANY
    note: Note = Note()


@dataclass(frozen=True, slots=True)
class CountStock:
    """State that ``on_hand`` units were counted; creates the record if there is none."""

    item: ItemId
    on_hand: int
    precondition: Precondition = ANY
    note: Note = Note()


@dataclass(frozen=True, slots=True)
class SettleDeadLetter:
    """Let a record go on whose history stopped adding up at the event ``sequence``.

    ``requeue`` takes what the log says of the record at its word; ``discard`` brings back the figures that it had
    before that event.
    """

    item: ItemId
    sequence: int
    action: Literal["requeue", "discard"]
    note: Note = Note()


Command: TypeAlias = AdjustStock | ReserveStock | CountStock | SettleDeadLetter
