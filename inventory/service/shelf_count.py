"""A count of a shelf that was made while a version of the record was on the screen."""

from collections.abc import Callable
from dataclasses import replace

from inventory.domain.commands import CountStock, Seen
from inventory.domain.errors import CountOvertaken, InventoryError
from inventory.service.history import HistoryService
from inventory.service.ports.change_queue import Outcome

TRIES = 10
"""So often a count is made anew that another change overtakes; with the last of them its sender is told."""


def count_at_version(
    command: CountStock, version: int, history: HistoryService, carry_out: Callable[[CountStock], Outcome]
) -> Outcome:
    """Carry out a count, and add what has changed since that version by anything but a count.

    So two people who count one shelf from one screen, and a request that is sent twice, leave what was counted once.

    :raises CountOvertaken: the record changes faster than it can be looked up what has changed; nothing was counted.
    :raises: what ``HistoryService.seen_at`` does, unless the count's key shows that it was accepted before.
    """
    for _ in range(TRIES - 1):
        # Looked up from what was found before: each time a few steps at most.
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
        # For the decision: a retry whose count was accepted gets its first answer, though the version may be gone.
        return error
