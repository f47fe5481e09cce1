"""Steps of a hold: what an event records of a reservation that stays open, and the reservation rebuilt from it.

The event that makes a reservation and the one that ends it tell all of its lines. Those between say what they change:
an extend nothing but the new end, a commit or release of a part the units that its stock lines name anyway.
"""

from inventory.domain.events import Draft, Event, HoldStep
from inventory.domain.reservation import HeldLine, Reservation

MOST_STEPS = 16
"""Changes of a reservation's lines between two events that tell all of them, or as many as it has lines.

So rebuilding it reads no more events than it has lines, and on average a change writes one line beside its own.
"""


def placed(draft: Draft, sequence: int) -> tuple[Reservation | None, HoldStep | None]:
    """The draft's reservation with its place in the log, and the step to write; ``None`` where all of it is."""
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
    """The reservation after a step. Its lines before it are all that counts of ``before``: extends may lie between."""
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
