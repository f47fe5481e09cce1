"""The view of the state that decisions get, and the checks that several of them share."""

from collections.abc import Sequence
from typing import Protocol

from inventory.domain.commands import Precondition, WantedLine
from inventory.domain.dead_letter import BrokenRecord
from inventory.domain.errors import AlreadyExists, FieldProblem, ItemsNotFound, ValidationFailed, VersionConflict
from inventory.domain.record import Record
from inventory.domain.reservation import Hold
from inventory.domain.values import MAX_QUANTITY, ItemId


class StateView(Protocol):
    """The state as a decision sees it."""

    def record(self, item: ItemId) -> Record | None:
        """Return the current record, or ``None`` if no event has named it.

        :raises NeedsOperator: its history is broken; only a settlement may change it.
        """

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        """Return a record with the break in its history, or ``None`` if there is no break."""

    def held_of(self, item: ItemId) -> int:
        """Return how many units of an item open reservations hold."""

    def reservation(self, reservation_id: str) -> Hold | None:
        """Return the current reservation, or ``None`` if none is remembered under this id."""


def check(precondition: Precondition, record: Record) -> None:
    """Refuse if the record is not as the caller expects it.

    :raises AlreadyExists: it should not exist. :raises VersionConflict: it is at another version.
    """
    if precondition.exists is False:
        raise AlreadyExists(record.item, record.version)
    if precondition.versions is not None and record.version not in precondition.versions:
        raise VersionConflict(record.item, record.version, sorted(precondition.versions))


def check_range(on_hand: int, field: str) -> None:
    """Refuse units out of range. :raises ValidationFailed: names ``field``."""
    if not 0 <= on_hand <= MAX_QUANTITY:
        raise ValidationFailed(
            (FieldProblem(field, f"would leave {on_hand} on hand; must be from 0 to {MAX_QUANTITY}"),)
        )


def summed(lines: Sequence[WantedLine]) -> dict[ItemId, int]:
    """Add up the lines of each item, in the order of their first lines.

    :raises ValidationFailed: names every line that asks for less than one unit; or there are no lines.
    """
    wrong = [
        FieldProblem(f"lines[{place}].qty", "must be at least 1") for place, line in enumerate(lines) if line.qty < 1
    ]
    if wrong or not lines:
        raise ValidationFailed(wrong or (FieldProblem("lines", "must not be empty"),))
    wanted: dict[ItemId, int] = {}
    for line in lines:
        wanted[line.item] = wanted.get(line.item, 0) + line.qty
    return wanted


def records_of(lines: Sequence[WantedLine], state: StateView) -> dict[ItemId, Record]:
    """The records of all lines, each at the version that its line expects.

    :raises ItemsNotFound: names every missing one. :raises VersionConflict: one is at another version.
    """
    found = {line.item: state.record(line.item) for line in lines}
    missing = [item for item, record in found.items() if record is None]
    if missing:
        raise ItemsNotFound(missing)
    records = {item: record for item, record in found.items() if record is not None}
    for line in lines:
        check(line.precondition, records[line.item])
    return records
