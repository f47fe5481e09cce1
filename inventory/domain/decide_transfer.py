"""The decision to move stock from store to store: one event, all of it or nothing."""

from inventory.domain.commands import TransferStock, arriving
from inventory.domain.errors import FieldProblem, InsufficientStock, Shortage, ValidationFailed
from inventory.domain.events import Change, Draft
from inventory.domain.requirements import StateView, check_range, records_of, summed
from inventory.domain.values import ItemId


def decide_on_transfer(command: TransferStock, state: StateView) -> Draft:
    """Take from one store what another gets. All of ``qty`` may go; a safety stock is for holds.

    :raises InsufficientStock: naming every line that is short, after adding up those of the same item.
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
