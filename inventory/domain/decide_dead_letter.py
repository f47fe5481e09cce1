"""The decision to let a record go on whose history stopped adding up."""

from inventory.domain.commands import SettleDeadLetter
from inventory.domain.dead_letter import DISCARDED, REQUEUED, figures_of
from inventory.domain.errors import SettlementRefused
from inventory.domain.events import Change, Draft
from inventory.domain.requirements import StateView
from inventory.domain.values import MAX_QUANTITY


def decide_to_settle(command: SettleDeadLetter, state: StateView) -> Draft:
    """Take what the log says is on hand at its word, or bring back what was; reserved is what is held, in either case.

    :raises SettlementRefused: there is no such dead letter, or the figures are not known or cannot be kept.
    """
    item, broken = command.item, state.broken_record(command.item)
    if broken is None or broken.at.sequence != command.sequence:
        raise SettlementRefused(f"event {command.sequence} is no dead letter of {item.sku} in {item.store}")
    now = figures_of(broken.record)
    wanted = now if command.action == "requeue" else broken.at.before
    # A line that states something else must not let held units be promised twice, or keep others reserved for ever.
    wanted = wanted and wanted._replace(reserved=state.held_of(item))
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
