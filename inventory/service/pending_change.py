"""Tickets: a change that waits for its commit, and how its client gets the result."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inventory.domain.errors import NeedsOperator, Overloaded, StorageTimeout, StorageUnavailable, Unavailable
from inventory.domain.events import Delivery
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import EntityId
from inventory.resilience.breaker import Call
from inventory.service.ports.change_queue import Decide, Outcome


class PendingGroup(NamedTuple):
    """One entry of the queue: a change, or several that were submitted together.

    :ivar key: see ``ChangeQueue.submit_all``. :ivar weight: the number of operations or lines of all of them.
    :ivar call: the call that the breaker admitted; ``None`` if there is no breaker, or only keys are looked up.
    """

    changes: Sequence["PendingChange"]
    key: IdempotencyKey | None = None
    weight: int = 1
    call: Call | None = None


class PendingChange:
    """A ticket. The committing thread resolves it once, or its waiter withdraws it."""

    __slots__ = ("_call", "_done", "_resolved", "_taken", "_until", "decide", "entities", "key")

    def __init__(
        self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None, wait_ms: int
    ) -> None:
        self.entities = entities
        self.decide = decide
        self.key = key
        # From the submission on: a caller that waits for many tickets in turn waits this long in total.
        self._until = time.monotonic() + wait_ms / 1000
        self._resolved: Outcome | Exception = Overloaded("not resolved")
        # A lock that one thread waits for and that is released once: the cheapest wake-up.
        self._done = threading.Lock()
        self._done.acquire()
        self._taken = threading.Lock()
        self._call: Callable[[], None] | None = None

    def take(self) -> bool:
        """Claim the change; ``False`` if it is withdrawn or claimed already. The first claim wins."""
        return self._taken.acquire(blocking=False)

    def begin(self) -> bool:
        """Claim the change to decide it; ``False`` if it is withdrawn, or its time is over."""
        return time.monotonic() < self._until and self._taken.acquire(blocking=False)

    @property
    def is_open(self) -> bool:
        """Whether ``begin`` would claim it now."""
        return time.monotonic() < self._until and not self._taken.locked()

    def resolve(self, resolved: Outcome | Exception) -> None:
        """Resolve the ticket with the outcome, or with the error that ``wait`` raises."""
        self._resolved = resolved
        self._done.release()
        call, self._call = self._call, None
        if call is not None:
            call()

    def on_resolved(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_resolved``."""
        # In this order, and the reverse in ``resolve``: the second of the two threads sees what the first has done.
        self._call = call
        if not self._done.locked():
            self._call = None
            call()

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        if not self._done.acquire(timeout=max(0.0, self._until - time.monotonic())):
            # It may stay queued as long as the disk hangs; the callback must not be kept alive for that.
            self._call = None
            if self.take():
                self.resolve(Overloaded("the change was not begun in time"))
                return self.wait()
            raise StorageTimeout("the change was begun, but did not finish in time", outcome="unknown")
        # Later calls return the same.
        self._done.release()
        if isinstance(self._resolved, Exception):
            raise self._resolved
        return self._resolved


def as_unavailable(error: BaseException, *, key_looked_up: bool = False) -> Unavailable:
    """The exception for one client whose change met ``error``; each gets its own.

    :param key_looked_up: see ``Unavailable``.
    """
    told = _as_unavailable(error)
    told.key_looked_up = key_looked_up
    return told


def as_not_begun(error: BaseException) -> Unavailable:
    """The same for a change that was not decided: it has not happened, whatever happened to others."""
    told = as_unavailable(error)
    told.outcome = "none"
    return told


def _as_unavailable(error: BaseException) -> Unavailable:
    match error:
        case NeedsOperator():
            return NeedsOperator(str(error), error.action, outcome=error.outcome)
        case StorageTimeout():
            return StorageTimeout(str(error), outcome=error.outcome, retry_after_ms=error.retry_after_ms)
        case StorageUnavailable():
            return StorageUnavailable(str(error), outcome=error.outcome, retry_after_ms=error.retry_after_ms)
        case Unavailable():
            return type(error)(str(error), retry_after_ms=error.retry_after_ms)
        case _:
            return StorageUnavailable("unexpected error in the committing thread", outcome="unknown")
