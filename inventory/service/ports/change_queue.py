"""The port: queued changes, each decided once and durable before its client gets the outcome."""

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
    """A durable event, and whether an earlier request with the same key caused it."""

    event: Event
    replayed: bool

    @property
    def record(self) -> Record:
        """The record after the first line of the event."""
        return record_after(self.event.lines[0], self.event.sequence, self.event.at)


class Ticket(Protocol):
    """A place in the queue of changes."""

    def wait(self) -> Outcome:
        """Return the outcome once it is durable. Bounded by COMMIT_WAIT_MS.

        :raises Refusal: what ``decide`` raised, or ``IdempotencyConflict``; nothing has changed.
        :raises Overloaded: it was not begun in time and never will be.
        :raises ReadOnly: changes are refused for now; nothing has changed.
        :raises NeedsOperator: changes are refused until an operator has fixed the cause.
        :raises StorageUnavailable: if ``outcome`` is "unknown", the event may or may not be on disk: repeat the request
            with the same key. A ``StorageTimeout``: it was begun, but did not finish in time.
        """

    def on_resolved(self, call: Callable[[], None]) -> None:
        """Call ``call`` when ``wait`` would return or raise at once; now, if it does already.

        The thread that resolves the ticket calls it, so it must neither wait nor raise; perhaps twice. If the ticket is
        never resolved, there is no call: check again after COMMIT_WAIT_MS, when ``wait`` no longer waits.
        """


class Submission(NamedTuple):
    """One change of several that are submitted together; see ``ChangeQueue.submit``."""

    entities: Sequence[EntityId]
    decide: Decide
    key: IdempotencyKey | Delivery | None = None
    weight: int = 1


class ChangeQueue(Protocol):
    """Queues changes. Everything that it returns to a client survives a power cut."""

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> Ticket:
        """Queue one change: ``decide`` runs on the current state and its event is made durable, or nothing changes.

        Changes of one entity run in the order in which they were submitted, one at a time over all processes.
        ``decide`` may read and change only ``entities``, and may be run again. Under a key (or a delivery) that was
        used before, the first event is the outcome and ``decide`` is not run.

        :param weight: its number of operations or lines, which limits commit groups and the queue.
        :raises ReadOnly: the breaker is open, and there is no key to look up; nothing has changed.
        """

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        """Queue several independent changes, in this order; they share one write and one flush.

        :param key: the key of the request of which all are part. If it, or the key of any of them, was used for another
            request, none is applied: every ``wait`` raises ``IdempotencyConflict``.
        :raises ReadOnly: see ``submit``.
        """

    def queue_depth(self) -> int:
        """The length of the queue; changes submitted together count once for each 100 operations or part of 100."""

    def guard(self, breaker: CircuitBreaker) -> None:
        """From now on, ask the breaker before each change, and report each commit group to it.

        `service/group_commit.py` says what counts as a failure. Call it before anything is submitted.
        """


def refusing(error: InventoryError) -> Decide:
    """Return a ``Decide`` that refuses: only the key of the change is looked up."""

    def refused(state: StateView, now: Instant) -> Draft:
        raise error

    return refused


class ResolvedTicket(NamedTuple):
    """A ticket whose outcome is already known."""

    outcome: Outcome | Exception

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def on_resolved(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_resolved``."""
        call()
