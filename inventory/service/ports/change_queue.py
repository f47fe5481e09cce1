"""The port: changes that are queued, each decided once and durable before its outcome is told."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from inventory.domain.decide import StateView
from inventory.domain.errors import InventoryError
from inventory.domain.events import Delivery, Draft, Event, record_after
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.values import EntityId, Instant

Decide: TypeAlias = Callable[[StateView, Instant], Draft]


class Outcome(NamedTuple):
    """A durable event, and whether an earlier request with the same key had already caused it."""

    event: Event
    replayed: bool

    @property
    def record(self) -> Record:
        """The record as the event's first line left it."""
        return record_after(self.event.lines[0], self.event.sequence, self.event.at)


class Ticket(Protocol):
    """A place in the queue of changes."""

    def wait(self) -> Outcome:
        """Return the outcome once it is durable. Bounded by COMMIT_WAIT_MS.

        :raises Refusal: what ``decide`` raised, or ``IdempotencyConflict``; nothing has changed.
        :raises Overloaded: it was not begun in time and never will be.
        :raises ReadOnly: changes are refused for now; nothing has changed.
        :raises NeedsOperator: changes are refused until a person has mended the cause.
        :raises StorageUnavailable: if ``outcome`` is "unknown" the event may or may not be on disk:
            ask again with the same key. A ``StorageTimeout``: it was begun and is not finished in time.
        """

    def on_settled(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when ``wait`` would return or raise at once; now, if it does already.

        By whichever thread settles it, so it must neither wait nor raise; perhaps twice. Never, if nobody settles it:
        whoever does not wait has to look again once COMMIT_WAIT_MS is over, when ``wait`` does not wait any more.
        """


class Submission(NamedTuple):
    """One change of several that are submitted together; see ``Ledger.submit``."""

    entities: Sequence[EntityId]
    decide: Decide
    key: IdempotencyKey | Delivery | None = None
    weight: int = 1


def refusing(error: InventoryError) -> Decide:
    """Return what refuses a change whose key has caused nothing yet: only the key is looked up."""

    def refused(state: StateView, now: Instant) -> Draft:
        raise error

    return refused


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
