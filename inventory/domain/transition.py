"""One step of one record: the figures after a change, and the record that a line leaves behind."""

from inventory.domain.events import Change, Line
from inventory.domain.record import Record
from inventory.domain.values import Instant

_made = tuple.__new__


def line_after(change: Change, before: Record | None) -> Line:
    """Work out the line of a change; a record that is not there counts as all zeros at version 0."""
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
    """The record as the line says it is: facts are not argued with."""
    item, _, _, on_hand, reserved, version, _, policy, _ = line
    return _made(Record, (item, on_hand, reserved, version, sequence, at, policy))
