"""What was decided (a draft) and what has happened (an event)."""

from typing import NamedTuple

from inventory.domain.commands import Note
from inventory.domain.record import Policy
from inventory.domain.reservation import Reservation
from inventory.domain.values import Instant, ItemId

COUNTED = "stock.counted"
"""The type of an event that states what is on the shelf, rather than what came or went."""
POLICY_SET = "policy.set"
"""The type of an event that gives a record another policy."""


class Change(NamedTuple):
    """What a draft does to one record. :ivar policy: a new one; ``None`` leaves it as it is."""

    item: ItemId
    on_hand_delta: int
    reserved_delta: int = 0
    policy: Policy | None = None


class Draft(NamedTuple):
    """A change that was decided on and is not yet committed: it has no sequence, no instant, no id.

    :ivar changes: at most one for each record; all of them happen, or none.
    :ivar reservation: the reservation that it makes or changes, as it is afterwards.
    """

    type: str
    changes: tuple[Change, ...]
    note: Note = Note()
    reservation: Reservation | None = None


class Line(NamedTuple):
    """What an event did to one record: the difference, and the figures after it.

    :ivar previous: the sequence of the record's event before this one; 0 where there is none, or none is known.
    :ivar policy: the record's, after the event.
    :ivar policy_before: where the event has set another one, that before it.
    """

    item: ItemId
    on_hand_delta: int
    reserved_delta: int
    on_hand: int
    reserved: int
    version: int
    previous: int = 0
    policy: Policy | None = None
    policy_before: Policy | None = None


class KeyUse(NamedTuple):
    """The idempotency key under which an event was asked for, and until when it is remembered.

    :ivar part_of: see ``IdempotencyKey``.
    """

    key: str
    hash: str
    expires_at: Instant
    part_of: str | None = None


class Delivery(NamedTuple):
    """An event's identity at the source that it came from; never forgotten."""

    source: str
    event_id: str


class HoldStep(NamedTuple):
    """What the line of an event says of a reservation that lasts on: not its lines; see `hold_steps`.

    :ivar lines_at: the sequence of the event before it that told or changed the reservation's lines last.
    """

    reservation_id: str
    version: int
    expires_at: Instant | None
    lines_at: int


class Event(NamedTuple):
    """One committed change.

    :ivar reservation: the reservation that it made or changed, as it left it; ``None`` where its line in the log,
        from which it was read, has no more of it than a ``step``.
    :ivar synced: the highest sequence its writer knew to be durable.
    :ivar step: what its line says of the reservation, where that is not all of it.
    """

    sequence: int
    event_id: str
    type: str
    at: Instant
    node: str
    note: Note
    lines: tuple[Line, ...]
    reservation: Reservation | None = None
    key_use: KeyUse | None = None
    delivery: Delivery | None = None
    synced: int = 0
    step: HoldStep | None = None
