"""A store of commit groups that fails at one step of the port."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from inventory.service.commit_queue import CommitQueue
from inventory.service.ports.group_store import GroupStore, QueuedChanges


class FailingStore:
    """Wraps a store. :ivar fails: the steps that fail, and what each of them raises.

    :ivar after: the steps that are carried out first: their answer is lost.
    :ivar calls: the steps that were asked for, in their order, but for ``idle``.
    :ivar before: called at a step, before it.
    """

    def __init__(self, store: GroupStore[Any]) -> None:
        self.store = store
        self.fails: dict[str, BaseException] = {}
        self.after: set[str] = set()
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}

    @classmethod
    def under(cls, changes: CommitQueue) -> "FailingStore":
        """Put one below a queue."""
        changes.committing.store = found = cls(changes.committing.store)
        return found

    @property
    def durable(self) -> int:
        return self.store.durable

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._reach("exclusive")
        with self.store.exclusive():
            yield
        self._leave("exclusive")

    def begin(self, queued: Sequence[QueuedChanges]) -> Any:
        self._reach("begin")
        return self.store.begin(queued)

    def write(self, group: Any) -> None:
        self._reach("write")
        self.store.write(group)
        self._leave("write")

    def ensure(self, sequence: int) -> None:
        self._reach("ensure")
        self.store.ensure(sequence)
        self._leave("ensure")

    def idle(self) -> None:
        if "idle" in self.before or "idle" in self.fails:
            self._reach("idle")
        self.store.idle()

    def _reach(self, step: str) -> None:
        if step != "idle":
            self.calls.append(step)
        self.before.get(step, lambda: None)()
        if step in self.fails and step not in self.after:
            raise self.fails[step]

    def _leave(self, step: str) -> None:
        if step in self.fails and step in self.after:
            raise self.fails[step]
