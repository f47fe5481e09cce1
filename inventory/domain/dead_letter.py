"""Dead letters: events that do not continue the history of a record, and how the record continues after them."""

from typing import NamedTuple

from inventory.domain.events import Line
from inventory.domain.record import Record

REQUEUED = "record.requeued"
DISCARDED = "record.discarded"
SETTLEMENTS = frozenset((REQUEUED, DISCARDED))
"""Event types with which a broken record continues. Its figures come from their lines, as with any type."""


class Figures(NamedTuple):
    """The figures of a record at one point of its history; all zeros before its first event."""

    on_hand: int
    reserved: int
    version: int


class Break(NamedTuple):
    """Where the history of a record is broken.

    :ivar sequence: the first event that does not continue the record.
    :ivar before: the figures before that event; ``None`` if they are unknown.
    """

    sequence: int
    before: Figures | None


class BrokenRecord(NamedTuple):
    """A record with the figures of the log, and where its history is broken."""

    record: Record
    at: Break


def figures_of(record: Record | None) -> Figures:
    """The figures of a record; all zeros if it does not exist."""
    return Figures(record.on_hand, record.reserved, record.version) if record else Figures(0, 0, 0)


def gap(line: Line, before: Figures) -> str | None:
    """Why the line does not continue the figures before it; ``None`` if it does."""
    follows = (
        ("version", line.version, before.version + 1),
        ("on hand", line.on_hand, before.on_hand + line.on_hand_delta),
        ("reserved", line.reserved, before.reserved + line.reserved_delta),
    )
    told = [f"{name} is {found}, expected {wanted}" for name, found, wanted in follows if found != wanted]
    return "; ".join(told) or None
