"""A change that waits for its commit, and the thread that waits with it."""

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
    """What is queued as one: a change, or several that were submitted together.

    :ivar key: see ``ChangeQueue.submit_all``. :ivar weight: how many operations or lines all of them have.
    :ivar call: what the breaker let through; ``None`` where it was not asked, or only keys are looked up.
    """

    changes: Sequence["PendingChange"]
    key: IdempotencyKey | None = None
    weight: int = 1
    call: Call | None = None


class PendingChange:
    """A ticket. ResolvedTicket once, by the committing thread, or withdrawn by its waiter."""

    __slots__ = ("_call", "_done", "_settled", "_taken", "_until", "decide", "entities", "key")

    def __init__(
        self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None, wait_ms: int
    ) -> None:
        self.entities = entities
        self.decide = decide
        self.key = key
        # From the submitting on: whoever waits for many tickets one after the other waits for this long in all.
        self._until = time.monotonic() + wait_ms / 1000
        self._settled: Outcome | Exception = Overloaded("not resolved")
        # A lock that is waited for by one thread and released once: the cheapest wake-up there is.
        self._done = threading.Lock()
        self._done.acquire()
        self._taken = threading.Lock()
        self._call: Callable[[], None] | None = None

    def take(self) -> bool:
        """Claim the change; ``False`` if its waiter has withdrawn it, or another has it. The first claim wins."""
        return self._taken.acquire(blocking=False)

    def begin(self) -> bool:
        """Claim the change to decide it; ``False`` if it is withdrawn, or will be: its time is over."""
        return time.monotonic() < self._until and self._taken.acquire(blocking=False)

    @property
    def is_open(self) -> bool:
        """Whether ``begin`` would claim it now."""
        return time.monotonic() < self._until and not self._taken.locked()

    def settle(self, settled: Outcome | Exception) -> None:
        """Hand over the outcome, or what ``wait`` is to raise."""
        self._settled = settled
        self._done.release()
        call, self._call = self._call, None
        if call is not None:
            call()

    def on_resolved(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_resolved``."""
        # In this order, and the reverse in ``settle``: whichever thread comes second finds what the other has done.
        self._call = call
        if not self._done.locked():
            self._call = None
            call()

    def wait(self) -> Outcome:
        """See ``Ticket.wait``."""
        if not self._done.acquire(timeout=max(0.0, self._until - time.monotonic())):
            # It may be queued for as long as the disk hangs; whoever wanted to be told is not kept for that.
            self._call = None
            if self.take():
                self.settle(Overloaded("the change was not begun in time"))
                return self.wait()
            raise StorageTimeout("the change was begun, but did not finish in time", outcome="unknown")
        # Whoever asks again is told the same.
        self._done.release()
        if isinstance(self._settled, Exception):
            raise self._settled
        return self._settled


def as_unavailable(error: BaseException, *, key_looked_up: bool = False) -> Unavailable:
    """What each client is told whose change met ``error``: an exception of its own.

    :param key_looked_up: see ``Unavailable``.
    """
    told = _as_unavailable(error)
    told.key_looked_up = key_looked_up
    return told


def as_not_begun(error: BaseException) -> Unavailable:
    """The same for a change that was not decided: it has not happened, whatever became of others."""
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
