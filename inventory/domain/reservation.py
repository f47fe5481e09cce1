"""A reservation, or hold: units of one or more records that are promised to one caller."""

from struct import Struct
from typing import Literal, NamedTuple, TypeAlias

from inventory.domain.values import Instant, ItemId

ReservationState: TypeAlias = Literal["held", "partly_committed", "committed", "released", "expired"]
Ending: TypeAlias = Literal["committed", "released", "expired"]
"""What was done last to a reservation of which nothing is held any more."""
MAX_LINES = 500
"""Records that a new reservation may have; older logs may hold larger ones."""
_ENDINGS: tuple[Ending, ...] = ("committed", "released", "expired")


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
    :ivar lines_at: the sequence of the latest of its events that told or changed its lines.
    :ivar steps: how many changes of its lines lie between that event and the last one that tells all of them.
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
    lines_at: int = 0
    steps: int = 0

    @property
    def state(self) -> ReservationState:
        """In one word. What was committed in part and then let go counts as committed."""
        if self.ended_by is not None:
            return _state_of(self, self.ended_by)
        return "partly_committed" if any(line.committed for line in self.lines) else "held"

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

    @property
    def line_count(self) -> int:
        """How many lines it has."""
        return len(self.lines)


class EndedHold(NamedTuple):
    """What is kept in memory of a reservation that has ended: all but its lines, which its last event tells.

    :ivar sequence: the event that ended it.
    """

    reservation_id: str
    sequence: int
    created: int
    created_at: Instant
    ended_at: Instant
    ended_by: Ending
    state: Ending
    version: int
    expires_at: Instant | None
    reference: str | None
    line_count: int

    @property
    def is_open(self) -> bool:
        """Whether something of it is still held."""
        return False


Hold: TypeAlias = Reservation | EndedHold
"""A reservation as it is remembered: whole while something is held, and without its lines afterwards."""

# The end comes first and is never negative: packed holds sort by when they ended.
_PACKED = Struct(">qqqqqqIBBBB")


def _state_of(reservation: Reservation, ended_by: Ending) -> Ending:
    if any(line.committed for line in reservation.lines):
        return "committed"
    return "expired" if ended_by == "expired" else "released"


def ended(reservation: Reservation) -> EndedHold:
    """What is kept of one that has ended. :raises ValueError: something of it is still held."""
    ended_at, ended_by = reservation.ended_at, reservation.ended_by
    if ended_at is None or ended_by is None:
        raise ValueError(f"reservation {reservation.reservation_id} has not ended")
    return EndedHold(
        reservation.reservation_id,
        reservation.sequence,
        reservation.created,
        reservation.created_at,
        ended_at,
        ended_by,
        _state_of(reservation, ended_by),
        reservation.version,
        reservation.expires_at,
        reservation.reference,
        len(reservation.lines),
    )


def packed(hold: EndedHold) -> bytes:
    """One bytes object of less than 96 bytes and the reference, where the tuple and its numbers take some 450."""
    expires_at, reference = hold.expires_at, hold.reference
    return _PACKED.pack(
        hold.ended_at,
        hold.sequence,
        hold.created,
        hold.created_at,
        expires_at or 0,
        hold.version,
        hold.line_count,
        _ENDINGS.index(hold.ended_by),
        _ENDINGS.index(hold.state),
        expires_at is not None,
        reference is not None,
    ) + (reference or "").encode(errors="surrogatepass")


def unpacked(reservation_id: str, kept: bytes) -> EndedHold:
    """The reverse of ``packed``."""
    ended_at, sequence, created, created_at, expires_at, version, many, by, state, ends, named = _PACKED.unpack_from(
        kept
    )
    return EndedHold(
        reservation_id,
        sequence,
        created,
        Instant(created_at),
        Instant(ended_at),
        _ENDINGS[by],
        _ENDINGS[state],
        version,
        Instant(expires_at) if ends else None,
        kept[_PACKED.size :].decode(errors="surrogatepass") if named else None,
        many,
    )


def end_of(kept: bytes) -> Instant:
    """When a packed hold ended."""
    return Instant(int.from_bytes(kept[:8]))
