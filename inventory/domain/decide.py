"""``decide``: state + instant + command → draft, or a refusal. Pure; may be run again at will."""

from typing import assert_never

from inventory.domain.commands import AdjustStock, CountStock, SetPolicy, SettleDeadLetter, StockCommand, TransferStock
from inventory.domain.decide_batch import decide_on_batch
from inventory.domain.decide_dead_letter import decide_to_settle
from inventory.domain.decide_hold import decide_on_hold, decide_to_hold
from inventory.domain.decide_transfer import decide_on_transfer
from inventory.domain.errors import (
    CountOvertaken,
    FieldProblem,
    InsufficientStock,
    InventoryError,
    ItemNotFound,
    ValidationFailed,
)
from inventory.domain.events import COUNTED, POLICY_SET, Change, Draft
from inventory.domain.hold_commands import (
    AtomicBatch,
    Command,
    CommitHold,
    ExpireHold,
    ExtendHold,
    HoldStock,
    ReleaseHold,
)
from inventory.domain.record import Record
from inventory.domain.requirements import StateView, check, check_range
from inventory.domain.values import Instant

__all__ = ["StateView", "decide"]


def decide(command: Command, state: StateView, now: Instant) -> Draft:
    """Decide on one command.

    :param now: the instant at which the event will be stamped.
    :raises Refusal: the command is not possible in this state; the subclass says why, with figures.
    """
    match command:
        case AdjustStock() | CountStock() | SetPolicy():
            return _on_stock(command, state)
        case HoldStock():
            return decide_to_hold(command, state, now)
        case CommitHold() | ReleaseHold() | ExtendHold() | ExpireHold():
            return decide_on_hold(command, state, now)
        case TransferStock():
            return decide_on_transfer(command, state)
        case SettleDeadLetter():
            return decide_to_settle(command, state)
        case AtomicBatch():
            return decide_on_batch(command, state, now, decide)
        case _:
            assert_never(command)


def _on_stock(command: StockCommand, state: StateView) -> Draft:
    match command:
        case AdjustStock():
            return _adjust(command, _required(command, state))
        case CountStock():
            return _count(command, state.record(command.item))
        case SetPolicy():
            return _set_policy(command, _required(command, state))
        case _:
            assert_never(command)


def _adjust(command: AdjustStock, record: Record) -> Draft:
    if command.delta == 0:
        raise ValidationFailed((FieldProblem("delta", "must not be 0"),))
    # Units that arrive while more is promised than there is are taken; only taking away needs them to be there.
    if command.delta < 0 and record.qty + command.delta < 0:
        raise InsufficientStock(command.item, requested=-command.delta, available=record.qty)
    check_range(record.on_hand + command.delta, "delta")
    return Draft("stock.adjusted", (Change(command.item, command.delta),), command.note)


def _count(command: CountStock, record: Record | None) -> Draft:
    seen = command.seen
    if isinstance(seen, InventoryError):
        raise seen
    check_range(command.on_hand, "onHand")
    if record is None:
        if command.precondition.exists or seen is not None:
            raise ItemNotFound(command.item)
        return Draft(COUNTED, (Change(command.item, command.on_hand),), command.note)
    check(command.precondition, record)
    # A count is a fact: it may be below what is reserved. Since the screen was read, sales may have gone on.
    if seen is not None and seen.version != record.version:
        # What lies between may be a count, and only the log knows.
        raise CountOvertaken(command.item)
    delta = command.on_hand - (record.on_hand if seen is None else seen.on_hand)
    check_range(record.on_hand + delta, "onHand")
    return Draft(COUNTED, (Change(command.item, delta),), command.note)


def _set_policy(command: SetPolicy, record: Record) -> Draft:
    return Draft(POLICY_SET, (Change(command.item, 0, 0, command.policy),), command.note)


def _required(command: StockCommand, state: StateView) -> Record:
    record = state.record(command.item)
    if record is None:
        raise ItemNotFound(command.item)
    check(command.precondition, record)
    return record
