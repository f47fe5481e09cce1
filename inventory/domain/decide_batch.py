"""The decision on an atomic batch: one event, each operation on the result of those before it, all or none."""

from collections.abc import Callable

from inventory.domain.dead_letter import BrokenRecord
from inventory.domain.errors import FieldProblem, Refusal, ValidationFailed
from inventory.domain.events import Change, Draft
from inventory.domain.hold_commands import AtomicBatch, Command, HoldStock
from inventory.domain.preconditions import StateView
from inventory.domain.record import Record
from inventory.domain.reservation import MAX_LINES, HeldLine, Hold, Reservation
from inventory.domain.values import Instant, ItemId


class OperationRefused(Refusal):
    """One operation of an atomic batch is not possible, so none was applied.

    :ivar operation: its index, from 0. :ivar refusal: the reason.
    """

    def __init__(self, operation: int, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.operation = operation
        self.refusal = refusal


def decide_on_batch(
    command: AtomicBatch, state: StateView, now: Instant, decide: Callable[[Command, StateView, Instant], Draft]
) -> Draft:
    """Decide on all operations in order.

    An expected version refers to the state before the batch: one event raises the version of a record by one, however
    many operations change it.

    :raises ValidationFailed: the reserves name more records than one reservation may have.
    :raises OperationRefused: names the first operation that is not possible.
    """
    held = {
        line.item for operation in command.operations if isinstance(operation, HoldStock) for line in operation.lines
    }
    if len(held) > MAX_LINES:
        raise ValidationFailed(
            (FieldProblem("operations", f"reserve {len(held)} records; a reservation may have at most {MAX_LINES}"),)
        )
    overlay = _Overlay(state, now)
    for number, operation in enumerate(command.operations):
        try:
            overlay.apply(decide(operation, overlay, now))
        except Refusal as refusal:
            raise OperationRefused(number, refusal) from refusal
    return Draft("stock.batch", overlay.changes(), command.note, overlay.hold())


class _Overlay:
    """A state with the changes of a batch so far. Versions stay those from before the batch."""

    def __init__(self, state: StateView, now: Instant) -> None:
        self._state = state
        self._now = now
        self._hold: Reservation | None = None
        self._held: dict[ItemId, int] = {}
        self._deltas: dict[ItemId, tuple[int, int]] = {}

    def record(self, item: ItemId) -> Record | None:
        before = self._state.record(item)
        if item not in self._deltas:
            return before
        on_hand, reserved = self._deltas[item]
        base = before or Record(item, 0, 0, 0, 0, self._now)
        return base._replace(on_hand=base.on_hand + on_hand, reserved=base.reserved + reserved)

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        return self._state.broken_record(item)

    def held_of(self, item: ItemId) -> int:
        return self._state.held_of(item)

    def reservation(self, reservation_id: str) -> Hold | None:
        # The reservation that this batch makes does not exist before it.
        return self._state.reservation(reservation_id)

    def apply(self, draft: Draft) -> None:
        for change in draft.changes:
            on_hand, reserved = self._deltas.get(change.item, (0, 0))
            self._deltas[change.item] = (on_hand + change.on_hand_delta, reserved + change.reserved_delta)
        if draft.reservation is not None:
            self._hold = self._hold or draft.reservation
            for line in draft.reservation.lines:
                self._held[line.item] = self._held.get(line.item, 0) + line.qty

    def changes(self) -> tuple[Change, ...]:
        return tuple(Change(item, on_hand, reserved) for item, (on_hand, reserved) in self._deltas.items())

    def hold(self) -> Reservation | None:
        """The reservation of all holds so far."""
        if self._hold is None:
            return None
        return self._hold._replace(lines=tuple(HeldLine(item, qty) for item, qty in self._held.items()))
