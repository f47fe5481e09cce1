"""The port: changes that are queued, each decided once and durable before its outcome is told."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from inventory.domain.decide import StateView
from inventory.domain.errors import InventoryError
from inventory.domain.events import Delivery, Draft, Event, record_after
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.values import EntityId, Instant
from inventory.resilience.breaker import CircuitBreaker

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

    def on_resolved(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when ``wait`` would return or raise at once; now, if it does already.

        By whichever thread settles it, so it must neither wait nor raise; perhaps twice. Never, if nobody settles it:
        whoever does not wait has to look again once COMMIT_WAIT_MS is over, when ``wait`` does not wait any more.
        """


class Submission(NamedTuple):
    """One change of several that are submitted together; see ``ChangeQueue.submit``."""

    entities: Sequence[EntityId]
    decide: Decide
    key: IdempotencyKey | Delivery | None = None
    weight: int = 1


class ChangeQueue(Protocol):
    """Takes changes. No client is told through it of anything that a power cut could take back."""

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        """Queue one change: ``decide`` runs on the current state and its event is made durable, or nothing changes.

        Changes of one entity run in the order in which they were submitted, over all processes one at
        a time. ``decide`` may look at, and change, ``entities`` only, and may be run again. Under a key (or a
        delivery) that was used before, the first event is the outcome and ``decide`` is not run.

        :param weight: how many operations or lines it has. Commit groups and the queue are measured by it.
        :raises ReadOnly: the breaker is open, and there is no key to be looked up; nothing has changed.
        """

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        """Queue several changes, each for itself, in this order: they share one write and one flush.

        :param key: that of the one request of which all are part. If it, or the key of any of them, was
            used for another request, none is carried out: every ``wait`` raises ``IdempotencyConflict``.
        :raises ReadOnly: see ``submit``.
        """

    def queue_depth(self) -> int:
        """How many wait to be taken up; what was submitted together counts once for each begun 100 operations."""

    def guard(self, breaker: CircuitBreaker) -> None:
        """Ask the breaker before each change from now on, and tell it of each commit group how storage was.

        What counts as a failure stands in `service/group_commit.py`. To be called before anything is submitted.
        """


def refusing(error: InventoryError) -> Decide:
    """Return what refuses a change whose key has caused nothing yet: only the key is looked up."""

    def refused(state: StateView, now: Instant) -> Draft:
        raise error

    return refused


class ResolvedTicket(NamedTuple):
    """A ticket whose outcome is known already."""

    outcome: Outcome | Exception

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def on_resolved(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_resolved``."""
        call()
