"""A reservation, or hold: units of one or more records that are promised to one caller."""

from typing import Literal, NamedTuple, TypeAlias

from inventory.domain.values import Instant, ItemId

ReservationState: TypeAlias = Literal["held", "partly_committed", "committed", "released", "expired"]
Ending: TypeAlias = Literal["committed", "released", "expired"]
"""What was done last to a reservation of which nothing is held any more."""
MAX_LINES = 500
"""Records that a new reservation may have; older logs may hold larger ones."""


class HeldLine(NamedTuple):
    """What is promised of one item, and what became of it.

    :ivar committed: units that have left. :ivar released: units that are available again.
    """

    item: ItemId
    qty: int
    committed: int = 0
    released: int = 0

    @property
    def held(self) -> int:
        """Units that are still promised."""
        return self.qty - self.committed - self.released


class Reservation(NamedTuple):
    """A hold after its latest event. Immutable, so it may be handed to any thread.

    :ivar lines: one for each item; which items they are never changes.
    :ivar expires_at: from when on it can no longer be committed; ``None``: it does not end by itself.
    :ivar version: how many events it has; :ivar sequence: the latest of them; :ivar created: the first.
    :ivar ended_at: since when nothing of it is held any more.
    :ivar ended_by: what ended it; ``None`` while something is held.
    """

    reservation_id: str
    lines: tuple[HeldLine, ...]
    expires_at: Instant | None
    reference: str | None
    created_at: Instant
    version: int = 1
    sequence: int = 0
    created: int = 0
    ended_at: Instant | None = None
    ended_by: Ending | None = None

    @property
    def state(self) -> ReservationState:
        """In one word. What was committed in part and then let go counts as committed."""
        committed = any(line.committed for line in self.lines)
        if self.is_open:
            return "partly_committed" if committed else "held"
        if committed:
            return "committed"
        return "expired" if self.ended_by == "expired" else "released"

    @property
    def is_open(self) -> bool:
        """Whether something of it is still held."""
        return self.ended_at is None

    def is_over(self, now: Instant) -> bool:
        """Whether its time is over, swept or not."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def items(self) -> tuple[ItemId, ...]:
        """The items of its lines, in their order."""
        return tuple(line.item for line in self.lines)
