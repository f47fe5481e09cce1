"""``decide``: state + instant + command → draft, or a refusal. Pure; may be run again at will."""

from typing import Protocol, assert_never

from inventory.domain.commands import AdjustStock, Command, CountStock, Precondition, ReserveStock, SettleDeadLetter
from inventory.domain.dead_letter import DISCARDED, REQUEUED, BrokenRecord, figures_of
from inventory.domain.errors import (
    AlreadyExists,
    FieldProblem,
    InsufficientStock,
    ItemNotFound,
    SettlementRefused,
    ValidationFailed,
    VersionConflict,
)
from inventory.domain.events import Change, Draft
from inventory.domain.record import Record
from inventory.domain.values import MAX_QUANTITY, Instant, ItemId


class StateView(Protocol):
    """What a decision may look at."""

    def record(self, item: ItemId) -> Record | None:
        """Return the record as it stands, or ``None`` where no event has named it.

        :raises ReadOnly: its history is broken; nothing but a settlement may rest on it.
        """

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        """Return a record with the break in its history, or ``None`` where there is no break."""


def decide(command: Command, state: StateView, now: Instant) -> Draft:
    """Decide on one command.

    ``now`` is the instant at which the event will be stamped; no rule needs it yet.

    :raises Refusal: the command is not possible in this state; the subclass says why, with figures.
    """
    if isinstance(command, SettleDeadLetter):
        return _settle(command, state.broken_record(command.item))
    record = state.record(command.item)
    match command:
        case AdjustStock():
            return _adjust(command, _required(command, record))
        case ReserveStock():
            return _reserve(command, _required(command, record))
        case CountStock():
            return _count(command, record)
        case _:
            assert_never(command)


def _adjust(command: AdjustStock, record: Record) -> Draft:
    if command.delta == 0:
        raise ValidationFailed((FieldProblem("delta", "must not be 0"),))
    if record.qty + command.delta < 0:
        raise InsufficientStock(command.item, requested=-command.delta, available=record.qty)
    _check_range(record.on_hand + command.delta, "delta")
    return Draft("stock.adjusted", (Change(command.item, command.delta),), command.note)


def _reserve(command: ReserveStock, record: Record) -> Draft:
    if command.qty < 1:
        raise ValidationFailed((FieldProblem("qty", "must be at least 1"),))
    if command.qty > record.qty:
        raise InsufficientStock(command.item, requested=command.qty, available=record.qty)
    change = Change(command.item, 0, command.qty)
    return Draft("stock.reserved", (change,), command.note, command.reservation_id)


def _count(command: CountStock, record: Record | None) -> Draft:
    _check_range(command.on_hand, "onHand")
    if record is None:
        if command.precondition.exists:
            raise ItemNotFound(command.item)
        return Draft("stock.counted", (Change(command.item, command.on_hand),), command.note)
    _check(command.precondition, record)
    if command.on_hand < record.reserved:
        # Holds that could be released one by one do not exist yet, so such a count cannot be settled.
        why = f"{record.reserved} are reserved, {command.on_hand} were counted"
        raise InsufficientStock(command.item, requested=record.reserved, available=command.on_hand, why=why)
    return Draft("stock.counted", (Change(command.item, command.on_hand - record.on_hand),), command.note)


def _settle(command: SettleDeadLetter, broken: BrokenRecord | None) -> Draft:
    item = command.item
    if broken is None or broken.at.sequence != command.sequence:
        raise SettlementRefused(f"event {command.sequence} is no dead letter of {item.sku} in {item.store}")
    now = figures_of(broken.record)
    wanted = now if command.action == "requeue" else broken.at.before
    if wanted is None:
        raise SettlementRefused(
            f"the figures of {item.sku} in {item.store} before event {command.sequence} are not known: the snapshot"
            " that this process started from does not hold them. 'inventory rebuild' reads them from the log again."
        )
    if not (0 <= wanted.on_hand <= MAX_QUANTITY and 0 <= wanted.reserved <= MAX_QUANTITY):
        raise SettlementRefused(
            f"a {command.action} would leave {item.sku} in {item.store} at {wanted.on_hand} on hand and"
            f" {wanted.reserved} reserved; 0 to {MAX_QUANTITY} can be kept"
        )
    change = Change(item, wanted.on_hand - now.on_hand, wanted.reserved - now.reserved)
    return Draft(REQUEUED if command.action == "requeue" else DISCARDED, (change,), command.note)


def _required(command: AdjustStock | ReserveStock, record: Record | None) -> Record:
    if record is None:
        raise ItemNotFound(command.item)
    _check(command.precondition, record)
    return record


def _check(precondition: Precondition, record: Record) -> None:
    if precondition.exists is False:
        raise AlreadyExists(record.item, record.version)
    if precondition.versions is not None and record.version not in precondition.versions:
        raise VersionConflict(record.item, record.version, sorted(precondition.versions))


def _check_range(on_hand: int, field: str) -> None:
    if not 0 <= on_hand <= MAX_QUANTITY:
        raise ValidationFailed(
            (FieldProblem(field, f"would leave {on_hand} on hand; 0 to {MAX_QUANTITY} can be kept"),)
        )
