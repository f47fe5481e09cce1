"""Dead letters as they are kept and shown, and the port of the dead-letter store."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args

from inventory.domain.dead_letter import Figures
from inventory.domain.events import Line
from inventory.domain.values import Instant, ItemId

DeadLetterState: TypeAlias = Literal["dead", "requeued", "discarded", "gone"]
"""``gone``: the log has neither the break nor a settlement any more, because the log was replaced."""
DEAD_LETTER_STATES: tuple[str, ...] = get_args(DeadLetterState)


class Settlement(NamedTuple):
    """The event that settled a dead letter: who, when and why."""

    sequence: int
    event_id: str
    by: str
    at: Instant
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event and one record whose history it does not continue.

    :ivar event_id: like ``type``, ``at`` and ``line`` it is ``None`` if the event could not be read again.
    :ivar line: the line of the record in the log; an event may have further lines, of other records.
    :ivar before: the figures before it; ``None`` if they are unknown.
    :ivar reason: why it cannot be applied. :ivar tries: the number of tries.
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
    """A letter and its number in the order of noting, from 1."""

    number: int
    letter: DeadLetter


class DeadLetterStore(Protocol):
    """The dead-letter store: a list that only grows, in which the last entry of a letter counts."""

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """Hold the lock of the store for the ``with`` block; give ``False`` if another process has it."""

    def all(self) -> Sequence[DeadLetter]:
        """Every letter with its last entry, in the order in which they were noted.

        :raises StorageUnavailable: they cannot be read.
        """

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """Add entries, durable, all or none. The caller holds the lock.

        :raises StorageUnavailable: none was added.
        """
