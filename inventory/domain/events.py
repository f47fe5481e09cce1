"""Drafts (decided), events (committed), and the records and reservations after an event."""

from typing import NamedTuple

from inventory.domain.commands import Note
from inventory.domain.record import Policy, Record
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.values import Instant, ItemId

COUNTED = "stock.counted"
"""The type of an event that states how many units are on the shelf, not how many came or left."""
POLICY_SET = "policy.set"
"""The type of an event that sets the policy of a record."""
LEDGER_RESTORED = "ledger.restored"
"""The type of an event without lines that begins a timeline: the log up to it is the restored part of another one."""


class Change(NamedTuple):
    """What a draft changes in one record. :ivar policy: the new one; ``None`` keeps the current one."""

    item: ItemId
    on_hand_delta: int
    reserved_delta: int = 0
    policy: Policy | None = None


class Draft(NamedTuple):
    """A change that was decided and is not yet committed: it has no sequence, no instant, no id.

    :ivar changes: at most one for each record; all of them are applied, or none.
    :ivar reservation: the reservation that it makes or changes, after the change.
    """

    type: str
    changes: tuple[Change, ...]
    note: Note = Note()
    reservation: Reservation | None = None


class Line(NamedTuple):
    """What an event changed in one record: the difference, and the figures after it.

    :ivar previous: the sequence of the record's previous event; 0 if there is none, or it is unknown.
    :ivar policy: the policy of the record after the event.
    :ivar policy_before: the policy before the event, if the event set another one.
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
    """The idempotency key of the request that caused an event, and until when it is remembered.

    :ivar part_of: see ``IdempotencyKey``.
    """

    key: str
    hash: str
    expires_at: Instant
    part_of: str | None = None


class Delivery(NamedTuple):
    """The identity of an event at the source that it came from; never forgotten."""

    source: str
    event_id: str


class HoldStep(NamedTuple):
    """What the log line of an event has of a reservation that stays open: not its lines; see `hold_steps`.

    :ivar lines_at: the sequence of the latest earlier event that contains or changed the reservation's lines.
    """

    reservation_id: str
    version: int
    expires_at: Instant | None
    lines_at: int


class Event(NamedTuple):
    """One committed change.

    :ivar reservation: the reservation that it made or changed, after the event; ``None`` if the event was read from a
        log line that has only a ``step`` of it.
    :ivar synced: the highest sequence that its writer knew to be durable.
    :ivar step: what the log line has of the reservation, if that is not all of it.
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


_made = tuple.__new__
# Taken apart and made by position below: the order must not change unseen.
assert (  # noqa: S101
    " ".join(Line._fields) == "item on_hand_delta reserved_delta on_hand reserved version previous policy policy_before"
)
assert " ".join(Record._fields) == "item on_hand reserved version sequence updated_at policy"  # noqa: S101


def line_after(change: Change, before: Record | None) -> Line:
    """Compute the line of a change; a record that does not exist counts as all zeros at version 0."""
    item, on_hand_delta, reserved_delta, policy = change
    if before is None:
        return Line(item, on_hand_delta, reserved_delta, on_hand_delta, reserved_delta, 1, 0, policy)
    return Line(
        item,
        on_hand_delta,
        reserved_delta,
        before.on_hand + on_hand_delta,
        before.reserved + reserved_delta,
        before.version + 1,
        before.sequence,
        before.policy if policy is None else policy,
        None if policy is None else before.policy,
    )


def continues(line: Line, before: Record | None) -> bool:
    """Whether the line's version and figures follow from the record before it."""
    _, on_hand_delta, reserved_delta, on_hand, reserved, version, _, _, _ = line
    if before is None:
        return version == 1 and on_hand == on_hand_delta and reserved == reserved_delta
    return (
        version == before.version + 1
        and on_hand == before.on_hand + on_hand_delta
        and reserved == before.reserved + reserved_delta
    )


def record_after(line: Line, sequence: int, at: Instant) -> Record:
    """The record with the figures of the line: facts are never refused."""
    item, _, _, on_hand, reserved, version, _, policy, _ = line
    return _made(Record, (item, on_hand, reserved, version, sequence, at, policy))


MOST_STEPS = 16
"""Changes of a reservation between two events that contain all its lines; its number of lines, if that is more.

So rebuilding it reads no more events than it has lines, and on average a change writes one line besides its own.
"""


def placed(draft: Draft, sequence: int) -> tuple[Reservation | None, HoldStep | None]:
    """The draft's reservation with its place in the log, and the step to write; no step if all of it is written."""
    reservation = draft.reservation
    if reservation is None:
        return None, None
    step = HoldStep(reservation.reservation_id, reservation.version, reservation.expires_at, reservation.lines_at)
    if reservation.created and reservation.is_open:
        if not draft.changes:
            return reservation._replace(sequence=sequence), step
        steps = reservation.steps + 1
        if steps <= max(MOST_STEPS, len(reservation.lines)):
            return reservation._replace(sequence=sequence, lines_at=sequence, steps=steps), step
    created = reservation.created or sequence
    return reservation._replace(sequence=sequence, created=created, lines_at=sequence, steps=0), None


def stepped(before: Reservation, event: Event, step: HoldStep) -> Reservation:
    """The reservation after a step. Of ``before``, only the lines have to be current: extends may lie in between."""
    after = before._replace(version=step.version, expires_at=step.expires_at, sequence=event.sequence)
    if not event.lines:
        return after
    units = {line.item: -line.reserved_delta for line in event.lines}
    leaves = event.type == "reservation.committed"
    lines = tuple([line if line.item not in units else _less(line, units[line.item], leaves) for line in before.lines])
    return after._replace(lines=lines, lines_at=event.sequence, steps=before.steps + 1)


def _less(line: HeldLine, units: int, leaves: bool) -> HeldLine:
    if leaves:
        return line._replace(committed=line.committed + units)
    return line._replace(released=line.released + units)
