"""The port: where commit groups are written. The committing thread (`service/committing_thread.py`) is its only caller.

A commit group takes one way, in this order, and nothing else is ever called:

    with store.exclusive():               the right to append: append lock, advisory lock, mutex
        group = store.begin(queued)       catch up, or load what these changes touch
        group.accept(event), …            each change is decided on what the ones before it leave
        store.write(group)                one write, or one transaction; left out where nothing was accepted
    store.ensure(sequence)                durable up to there; then, and only then, the clients are told

and ``store.idle()`` where no change has come for a while.
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
    """What this process knows, or its right to append, is worth nothing any more: it has to end.

    Its clients are told the message; a process that starts now works on what is there.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome="none")


class QueuedChange(Protocol):
    """What an engine is told of a change before it is decided."""

    @property
    def entities(self) -> Sequence[EntityId]:
        """Every record and reservation that its decision may look at."""

    @property
    def key(self) -> IdempotencyKey | Delivery | None:
        """What may have caused an event before."""


class QueuedChanges(Protocol):
    """Changes that were submitted together."""

    @property
    def changes(self) -> Sequence[QueuedChange]:
        """Each of them."""

    @property
    def key(self) -> IdempotencyKey | None:
        """That of the request of which all are part."""


class OpenGroup(Protocol):
    """The ledger as it is before a commit group, as far as its changes have named it, and what was accepted so far.

    :ivar first: the sequence of the latest event before the group.
    :ivar now: the instant of all its events; not before that of the latest event.
    :ivar durable: the highest sequence that is known to be durable, for the lines to say so.
    :ivar state: the records and reservations before the group. :ivar has_broken: whether one of them is broken.
    :ivar refusal: why nothing can be appended; ``None`` where it can. Keys are looked up all the same.
    :ivar complete: whether a key that is not found here has certainly caused nothing.
    :ivar events: what was accepted so far.
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
        """How much there is of what has a quota, before the group."""

    def has_store(self, store: str) -> bool:
        """Whether there was a record of this store before the group."""

    def accept(self, event: Event) -> None:
        """Take up the next event of the group. What this raises goes to its client, and the event is left out."""


G = TypeVar("G", bound=OpenGroup)


class GroupStore(Protocol[G]):
    """Appends commit groups, one at a time over all processes.

    Any ``Unavailable`` that is raised here fails the group that is at work, and the thread goes on with the next.
    Anything else, and a ``StoreLost``, ends the process: its clients are told that the outcome is unknown where their
    change had been begun.
    """

    @property
    def durable(self) -> int:
        """The highest sequence that is known to survive a power cut. Never waits."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Have the right to append inside the ``with`` block."""

    def begin(self, queued: Sequence[QueuedChanges]) -> G:
        """Open a group at the end of the ledger."""

    def write(self, group: G) -> None:
        """Append everything that was accepted, or nothing; from now on it is there for all processes.

        :raises StorageUnavailable: with outcome "none" nothing was appended. With "unknown" the answer was lost: the
            next ``begin`` finds what has become of it.
        """

    def ensure(self, sequence: int) -> None:
        """Return once everything up to ``sequence``, which was written, survives a power cut.

        Nothing to do where ``write`` returns only then. Called without the right to append.

        :raises StorageUnavailable: it is not known to. :raises StorageTimeout: it takes too long.
        """

    def idle(self) -> None:
        """Follow what other processes have appended, and forget what has ended. Called at least every 50 ms."""
