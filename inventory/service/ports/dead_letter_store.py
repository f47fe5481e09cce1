"""A dead letter as it is kept and shown, and the port to where it is kept."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args

from inventory.domain.dead_letter import Figures
from inventory.domain.events import Line
from inventory.domain.values import Instant, ItemId

DeadLetterState: TypeAlias = Literal["dead", "requeued", "discarded", "gone"]
"""``gone``: the log has neither the break nor a settlement any more, because another log was put in its place."""
DEAD_LETTER_STATES: tuple[str, ...] = get_args(DeadLetterState)


class Settlement(NamedTuple):
    """The event that settled a dead letter, by whom, when and why."""

    sequence: int
    event_id: str
    by: str
    at: Instant
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What one event did to one record, whose history it does not continue.

    :ivar event_id: its id; like ``type``, ``at`` and ``line`` it is ``None`` where the event could not be read again.
    :ivar line: what it did to the record, as the log has it; an event may have further lines, of other records.
    :ivar before: the figures before it; ``None`` where they are not known.
    :ivar reason: why it cannot be applied. :ivar tries: how often that was tried.
    :ivar settled: ``None`` while it is dead.
    """

    sequence: int
    item: ItemId
    event_id: str | None
    type: str | None
    at: Instant | None
    line: Line | None
    before: Figures | None
    reason: str
    tries: int
    noted_at: Instant
    state: DeadLetterState = "dead"
    settled: Settlement | None = None


class NumberedDeadLetter(NamedTuple):
    """A letter and its place among those that were noted, from 1 on."""

    number: int
    letter: DeadLetter


class DeadLetterStore(Protocol):
    """Where dead letters are kept: a list that only grows, in which the last entry of a letter counts."""

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """Be the only one to add letters for the ``with`` block; gives False where another process is at it."""

    def all(self) -> Sequence[DeadLetter]:
        """Every letter as its last entry has it, in the order in which they were noted.

        :raises StorageUnavailable: they cannot be read.
        """

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """Add entries, durable, all or none. Called in one's turn.

        :raises StorageUnavailable: none was added.
        """
