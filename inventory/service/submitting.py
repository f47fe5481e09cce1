"""From a command to what a ledger is given."""

from inventory.domain.decide import StateView, decide
from inventory.domain.events import Draft
from inventory.domain.hold_commands import Command
from inventory.domain.values import Instant
from inventory.service.ledger import Decide


def deciding(command: Command) -> Decide:
    """Return what decides on ``command``."""

    def decided(state: StateView, now: Instant) -> Draft:
        return decide(command, state, now)

    return decided
