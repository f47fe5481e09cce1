"""Dead letters: events that do not continue the history of a record, and what lets the record go on behind them."""

from typing import NamedTuple

from inventory.domain.events import Line
from inventory.domain.record import Record

REQUEUED = "record.requeued"
DISCARDED = "record.discarded"
SETTLEMENTS = frozenset((REQUEUED, DISCARDED))
"""Types of event with which a record that was broken goes on. Its figures come from their lines, as with any type."""


class Figures(NamedTuple):
    """The figures of a record at one place of its history; all zeros before its first event."""

    on_hand: int
    reserved: int
    version: int


class Break(NamedTuple):
    """Where a history stopped adding up.

    :ivar sequence: the first event that does not continue the record.
    :ivar before: the figures before that event; ``None`` where they are not known.
    """

    sequence: int
    before: Figures | None


class BrokenRecord(NamedTuple):
    """A record as the log has it, and where its history stopped adding up."""

    record: Record
    at: Break


def figures_of(record: Record | None) -> Figures:
    """The figures of a record, or of none."""
    return Figures(record.on_hand, record.reserved, record.version) if record else Figures(0, 0, 0)


def gap(line: Line, before: Figures) -> str | None:
    """Why the line does not continue the figures before it; ``None`` if it does."""
    follows = (
        ("version", line.version, before.version + 1),
        ("on hand", line.on_hand, before.on_hand + line.on_hand_delta),
        ("reserved", line.reserved, before.reserved + line.reserved_delta),
    )
    told = [f"{name} is {found} where {wanted} follows" for name, found, wanted in follows if found != wanted]
    return "; ".join(told) or None
