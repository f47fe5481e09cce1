"""The port: where commit groups are written. The committing thread (`service/committing_thread.py`) is its only caller.

Every commit group makes these calls, in this order, and no others:

    with store.exclusive():               the right to append: append lock, advisory lock, mutex
        group = store.begin(queued)       catch up, or load what these changes touch
        group.accept(event), …            each change is decided on the result of those before it
        store.write(group)                one write, or one transaction; left out if nothing was accepted
    store.ensure(sequence)                durable up to there; then, and only then, the clients get their answers

and ``store.idle()`` if no change has arrived for a while.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from inventory.domain.decide import StateView
from inventory.domain.errors import StorageUnavailable, Unavailable
from inventory.domain.events import Delivery, Event
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import EntityId, Instant
from inventory.service.quotas import Sizes


class StoreLost(StorageUnavailable):
    """The state of this process, or its right to append, is no longer valid: the process has to end.

    Its clients get the message; a process that starts now works on the current data.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome="none")


class QueuedChange(Protocol):
    """What an engine knows of a change before it is decided."""

    @property
    def entities(self) -> Sequence[EntityId]:
        """Every record and reservation that its decision may read."""

    @property
    def key(self) -> IdempotencyKey | Delivery | None:
        """The key or delivery that may have caused an event before."""


class QueuedChanges(Protocol):
    """Changes that were submitted together."""

    @property
    def changes(self) -> Sequence[QueuedChange]:
        """The changes."""

    @property
    def key(self) -> IdempotencyKey | None:
        """The key of the request of which all are part."""


class OpenGroup(Protocol):
    """The ledger before a commit group, as far as its changes have named it, and the events accepted so far.

    :ivar first: the sequence of the latest event before the group.
    :ivar now: the instant of all its events; not earlier than the latest event.
    :ivar durable: the highest sequence that is known to be durable, to be written into the lines.
    :ivar state: the records and reservations before the group. :ivar has_broken: whether one of them is broken.
    :ivar refusal: why nothing can be appended; ``None`` if it can. Keys are looked up in any case.
    :ivar complete: whether a key that is not found here has certainly caused nothing.
    :ivar events: the events accepted so far.
    """

    @property
    def first(self) -> int: ...

    @property
    def now(self) -> Instant: ...

    @property
    def durable(self) -> int: ...

    @property
    def state(self) -> StateView: ...

    @property
    def has_broken(self) -> bool: ...

    @property
    def refusal(self) -> Unavailable | None: ...

    @property
    def complete(self) -> bool: ...

    @property
    def events(self) -> Sequence[Event]: ...

    def event_of(self, key: str | Delivery) -> Event | None:
        """The latest event that a key or a delivery has caused, whether the key has expired or not.

        :raises HistoryGone: there was one, and it was deleted. :raises StorageUnavailable: it cannot be read.
        """

    def sizes(self) -> Sizes:
        """The sizes that have a quota, before the group."""

    def has_store(self, store: str) -> bool:
        """Whether there was a record of this store before the group."""

    def accept(self, event: Event) -> None:
        """Add the next event to the group. If this raises, its client gets the error and the event is left out."""


G = TypeVar("G", bound=OpenGroup)


class GroupStore(Protocol[G]):
    """Appends commit groups, one at a time over all processes.

    Any ``Unavailable`` that is raised here fails the current group, and the thread continues with the next one.
    Anything else, and a ``StoreLost``, ends the process: clients whose change had been begun get outcome "unknown".
    """

    @property
    def durable(self) -> int:
        """The highest sequence that is known to survive a power cut. Never waits."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the right to append in the ``with`` block."""

    def begin(self, queued: Sequence[QueuedChanges]) -> G:
        """Open a group at the end of the ledger."""

    def write(self, group: G) -> None:
        """Append everything that was accepted, or nothing; from now on all processes see it.

        :raises StorageUnavailable: with outcome "none" nothing was appended. With "unknown" the answer was lost: the
            next ``begin`` finds out what happened.
        """

    def ensure(self, sequence: int) -> None:
        """Return once everything up to ``sequence``, which was written, survives a power cut.

        Does nothing if ``write`` already returns only then. Called without the right to append.

        :raises StorageUnavailable: this is not certain. :raises StorageTimeout: it takes too long.
        """

    def idle(self) -> None:
        """Follow what other processes have appended, and forget what has expired. Called at least every 50 ms."""
