"""A ticket for what is done already."""

from collections.abc import Callable
from typing import NamedTuple

from inventory.service.ledger import Outcome


class Settled(NamedTuple):
    """A ticket whose outcome is known already."""

    outcome: Outcome | Exception

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def on_settled(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_settled``."""
        call()
