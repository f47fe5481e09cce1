"""A reservation (hold): units of one or more records that are promised to one client."""

from struct import Struct
from typing import Literal, NamedTuple, TypeAlias

from inventory.domain.values import Instant, ItemId

ReservationState: TypeAlias = Literal["held", "partly_committed", "committed", "released", "expired"]
Ending: TypeAlias = Literal["committed", "released", "expired"]
"""The last change of a reservation that holds nothing any more."""
MAX_LINES = 500
"""Records that a new reservation may have; older logs may contain larger ones."""
_ENDINGS: tuple[Ending, ...] = ("committed", "released", "expired")


class HeldLine(NamedTuple):
    """The promised units of one item, and what happened to them.

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
    """A hold after its latest event. Immutable, so any thread may have it.

    :ivar lines: one for each item; the items never change.
    :ivar expires_at: from then on it can no longer be committed; ``None``: it does not expire.
    :ivar version: the number of its events. :ivar sequence: the latest of them. :ivar created: the first.
    :ivar ended_at: since when it holds nothing any more.
    :ivar ended_by: what ended it; ``None`` while it holds something.
    :ivar lines_at: the sequence of its latest event that contains or changed its lines.
    :ivar steps: the number of changes of its lines since the last event that contains all of them.
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
        """The state in one word. A hold that was committed in part and then released counts as committed."""
        if self.ended_by is not None:
            return _state_of(self, self.ended_by)
        return "partly_committed" if any(line.committed for line in self.lines) else "held"

    @property
    def is_open(self) -> bool:
        """Whether something of it is still held."""
        return self.ended_at is None

    def is_over(self, now: Instant) -> bool:
        """Whether it has expired, swept or not."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def items(self) -> tuple[ItemId, ...]:
        """The items of its lines, in their order."""
        return tuple(line.item for line in self.lines)

    @property
    def line_count(self) -> int:
        """The number of lines."""
        return len(self.lines)


class EndedHold(NamedTuple):
    """What is kept in memory of a reservation that has ended: all but its lines, which are in its last event.

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
"""A reservation as it is remembered: complete while it holds something, and without its lines afterwards."""

# The end comes first and is never negative: packed holds sort by when they ended.
_PACKED = Struct(">qqqqqqIBBBB")


def _state_of(reservation: Reservation, ended_by: Ending) -> Ending:
    if any(line.committed for line in reservation.lines):
        return "committed"
    return "expired" if ended_by == "expired" else "released"


def ended(reservation: Reservation) -> EndedHold:
    """What is kept of a reservation that has ended. :raises ValueError: it is still open."""
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
    """One bytes object: less than 96 bytes plus the reference. The tuple and its numbers take about 450."""
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
