"""A store of commit groups that fails at one step of the port."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import pytest

from inventory.domain.errors import StorageUnavailable, Unavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.service.committing_thread import CommitQueue
from inventory.service.ports.change_queue import ChangeQueue, Ticket
from inventory.service.ports.group_store import GroupStore, QueuedChanges
from support.folder import Gate
from support.given import adding, item

ONE, TWO = item("sku-1"), item("sku-2")
KEY = IdempotencyKey("key", "hash")
STEPS = ("exclusive", "begin", "write", "ensure")
FULL = StorageUnavailable("injected", outcome="none")


class FailingStore:
    """Wraps a store. :ivar fails: the steps that fail, and what each of them raises.

    :ivar after: the steps that are carried out first: their answer is lost.
    :ivar calls: the steps that were asked for, in their order, but for ``idle``.
    :ivar before: called at a step, before it.
    :ivar writes: how many events each write had.
    :ivar look_up_fails: what the look-up of a key raises.
    """

    def __init__(self, store: GroupStore[Any]) -> None:
        self.store = store
        self._ensured = store.durable
        self.fails: dict[str, BaseException] = {}
        self.after: set[str] = set()
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.writes: list[int] = []
        self.look_up_fails: Exception | None = None

    @classmethod
    def under(cls, changes: CommitQueue) -> Self:
        """Put one below a queue."""
        changes.committing.store = found = cls(changes.committing.store)
        return found

    def hold_at(self, step: str) -> Gate:
        """Block every thread that comes to this step until the returned gate is opened."""
        gate = self.before[step] = Gate()
        return gate

    def let_go(self, gate: Gate) -> None:
        """Open a gate; threads that come later are not blocked."""
        self.before.clear()
        gate.open()

    @property
    def durable(self) -> int:
        """What ``ensure`` has said, also where the store writes nothing that is not durable."""
        return min(self._ensured, self.store.durable)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._reach("exclusive")
        with self.store.exclusive():
            yield
        self._leave("exclusive")

    def begin(self, queued: Sequence[QueuedChanges]) -> Any:
        self._reach("begin")
        group = self.store.begin(queued)
        if self.look_up_fails is not None:
            group.event_of = self._raise_look_up
        self._leave("begin")
        return group

    def write(self, group: Any) -> None:
        self._reach("write")
        self.writes.append(len(group.events))
        self.store.write(group)
        self._leave("write")

    def ensure(self, sequence: int) -> None:
        self._reach("ensure")
        self.store.ensure(sequence)
        self._ensured = max(self._ensured, sequence)
        self._leave("ensure")

    def idle(self) -> None:
        self._reach("idle")
        self.store.idle()

    def _raise_look_up(self, _: object) -> None:
        assert self.look_up_fails is not None
        raise self.look_up_fails

    def _reach(self, step: str) -> None:
        if step != "idle":
            self.calls.append(step)
        self.before.get(step, lambda: None)()
        if step in self.fails and step not in self.after:
            raise self.fails[step]

    def _leave(self, step: str) -> None:
        if step in self.fails and step in self.after:
            raise self.fails[step]


def add(ledger: ChangeQueue, key: IdempotencyKey | None = None) -> Ticket:
    """Add a unit of ONE."""
    return ledger.submit((ONE,), adding((ONE, 1)), key)


def refusal_of(ticket: Ticket) -> Unavailable:
    """What a ticket raises."""
    with pytest.raises(Unavailable) as refused:
        ticket.wait()
    return refused.value
