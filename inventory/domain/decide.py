"""``decide``: the pure function from a command and a state to the draft of an event, or to a refusal."""

from typing import assert_never

from inventory.domain.commands import (
    AdjustStock,
    CountStock,
    SetPolicy,
    SettleDeadLetter,
    StockCommand,
    TransferStock,
    arriving,
)
from inventory.domain.dead_letter import DISCARDED, REQUEUED, figures_of
from inventory.domain.decide_batch import decide_on_batch
from inventory.domain.decide_hold import decide_on_hold, decide_to_hold
from inventory.domain.errors import (
    CountOvertaken,
    FieldProblem,
    InsufficientStock,
    InventoryError,
    ItemNotFound,
    SettlementRefused,
    Shortage,
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
from inventory.domain.preconditions import StateView, check, check_range, records_of, summed
from inventory.domain.record import Record
from inventory.domain.values import MAX_QUANTITY, Instant, ItemId


def decide_on_transfer(command: TransferStock, state: StateView) -> Draft:
    """Move units between stores, all lines in one event. All of ``qty`` may leave; safety stock limits holds only.

    :raises InsufficientStock: names every line that is short, after adding up the lines of each item.
    """
    wanted = summed(command.lines)
    if any(item.store == command.target for item in wanted):
        raise ValidationFailed((FieldProblem("to", "must be another store"),))
    records = records_of(command.lines, state)
    short = [Shortage(item, qty, records[item].qty) for item, qty in wanted.items() if qty > records[item].qty]
    if short:
        raise InsufficientStock(*short[0], more=short[1:])
    coming: dict[ItemId, int] = {}
    for item, qty in wanted.items():
        there = arriving(item, command.target)
        coming[there] = coming.get(there, 0) + qty
    for there, qty in coming.items():
        before = state.record(there)
        check_range((before.on_hand if before else 0) + qty, "lines")
    changes = [*(Change(item, -qty) for item, qty in wanted.items()), *(Change(*one) for one in coming.items())]
    return Draft("stock.transferred", tuple(changes), command.note)


def decide_to_settle(command: SettleDeadLetter, state: StateView) -> Draft:
    """Keep the units on hand that the log states, or restore those from before; reserved becomes what holds hold.

    :raises SettlementRefused: there is no such dead letter, or the figures are unknown or out of range.
    """
    item, broken = command.item, state.broken_record(command.item)
    if broken is None or broken.at.sequence != command.sequence:
        raise SettlementRefused(f"event {command.sequence} is not a dead letter of {item.sku} in {item.store}")
    now = figures_of(broken.record)
    wanted = now if command.action == "requeue" else broken.at.before
    # Whatever the line states, held units must not be promised twice, and others must not stay reserved for ever.
    wanted = wanted and wanted._replace(reserved=state.held_of(item))
    if wanted is None:
        raise SettlementRefused(
            f"the figures of {item.sku} in {item.store} before event {command.sequence} are unknown: the snapshot"
            " that this process started from does not have them; 'inventory rebuild' reads them from the log"
        )
    if not (0 <= wanted.on_hand <= MAX_QUANTITY and 0 <= wanted.reserved <= MAX_QUANTITY):
        raise SettlementRefused(
            f"a {command.action} would leave {item.sku} in {item.store} at {wanted.on_hand} on hand and"
            f" {wanted.reserved} reserved; both must be from 0 to {MAX_QUANTITY}"
        )
    change = Change(item, wanted.on_hand - now.on_hand, wanted.reserved - now.reserved)
    return Draft(REQUEUED if command.action == "requeue" else DISCARDED, (change,), command.note)


__all__ = ["StateView", "decide"]


def decide(command: Command, state: StateView, now: Instant) -> Draft:
    """Decide on one command.

    :param now: the instant that the event will carry.
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
    # Units may arrive while more is promised than is on hand; only a removal needs available units.
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
    # A count is a fact: it may be below what is reserved. Sales may have continued since the counter looked.
    if seen is not None and seen.version != record.version:
        # A change in between may be a count, which only the log shows.
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
