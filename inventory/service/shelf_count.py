"""A count of a shelf that was made while a version of the record was on the screen."""

from collections.abc import Callable
from dataclasses import replace

from inventory.domain.commands import CountStock, Seen
from inventory.domain.errors import CountOvertaken, InventoryError
from inventory.service.history import HistoryService
from inventory.service.ports.change_queue import Outcome

TRIES = 10
"""How often a count is tried again if another change overtakes it; then it is refused."""


def count_at_version(
    command: CountStock, version: int, history: HistoryService, carry_out: Callable[[CountStock], Outcome]
) -> Outcome:
    """Apply a count, and add all changes since that version except other counts.

    So two people who count one shelf from one screen, and a request that is sent twice, correct it once.

    :raises CountOvertaken: the record changes faster than its changes can be read; nothing was counted.
    :raises: the errors of ``HistoryService.seen_at``, unless the key of the count shows that it was accepted before.
    """
    for _ in range(TRIES - 1):
        # Continues from the previous result: each time a few steps at most.
        command = replace(command, seen=_seen(command, version, history))
        try:
            return carry_out(command)
        except CountOvertaken:
            continue
    return carry_out(replace(command, seen=_seen(command, version, history)))


def _seen(command: CountStock, version: int, history: HistoryService) -> Seen | InventoryError:
    known = command.seen if isinstance(command.seen, Seen) else None
    try:
        return history.seen_at(command.item, version, "countedAtVersion", known)
    except InventoryError as error:
        # For the decision: a retry of an accepted count gets its first answer, although the version may be gone.
        return error
