"""The queue of changes and the committing thread: the one thread of a process that appends, on any engine.

`submit` queues a change, unless the breaker refuses it. When the thread has the right to append, it takes the queued
changes, up to a measured size, and commits them as one group (`group_commit`). When the queue is closed, it commits
what is still queued and ends. If the thread ends for any other reason, it fails every ticket and calls ``on_death``,
which must end the process. Between changes it lets the store follow the other processes, at least every 50 ms.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from inventory.domain.errors import ReadOnly, StorageUnavailable
from inventory.domain.events import Delivery
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import EntityId
from inventory.resilience.breaker import BreakerOpen, Call, CircuitBreaker
from inventory.service.change_overlay import EventStamp
from inventory.service.group_commit import GroupCommit
from inventory.service.pending_change import PendingChange, PendingGroup
from inventory.service.ports.change_queue import Decide, Submission, refusing
from inventory.service.ports.group_store import GroupStore

IDLE_SECONDS = 0.05
_MOST_OPERATIONS = 1000
"""In a commit group, unless one change alone has more. Measured: 8 to 25 ms of processor time, and with 16 busy threads
in the interpreter at worst 16 times that: still far below COMMIT_WAIT_MS."""
_OPERATIONS_PER_PLACE = 100
"""In one place of the queue. So the default limit of 256 places is at most 0.2 to 0.6 s of the committing thread."""
_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Do nothing: there is no process to end."""


class CommitQueue:
    """Implements ``ChangeQueue`` over a ``GroupStore``. :ivar committing: commits the changes taken from the queue."""

    def __init__(
        self,
        store: GroupStore[Any],
        stamp: EventStamp,
        wait_ms: int = 2000,
        on_death: Callable[[], None] = _nothing,
    ) -> None:
        """:param wait_ms: COMMIT_WAIT_MS: how long a ticket waits. :param on_death: see above."""
        self.committing = GroupCommit(store, stamp)
        self._breaker: CircuitBreaker | None = None
        self._wait_ms = wait_ms
        self._on_death = on_death
        self._queue: queue.SimpleQueue[PendingGroup] = queue.SimpleQueue()
        # What did not fit into a commit group, and goes first into the next one.
        self._left_over: PendingGroup | None = None
        self._guard = threading.Lock()
        self._further_places = 0
        self._closing = threading.Event()
        self._ended: str | None = None
        # A daemon: it works while requests are in progress, whatever is being shut down around it.
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Start the thread. Call it after the fork: threads do not survive one."""
        self._thread.start()

    def guard(self, breaker: CircuitBreaker) -> None:
        """See ``ChangeQueue.guard``."""
        self._breaker = self.committing.breaker = breaker

    def submit(
        self,
        entities: Sequence[EntityId],
        decide: Decide,
        key: IdempotencyKey | Delivery | None = None,
        weight: int = 1,
    ) -> PendingChange:
        """See ``ChangeQueue.submit``."""
        call: Call | None = None
        if self._breaker is not None:
            try:
                call = self._breaker.admit()
            except BreakerOpen as error:
                decide, weight = refusing(_read_only(error, key)), 1
        change = PendingChange(entities, decide, key, self._wait_ms)
        self._put(PendingGroup((change,), None, weight, call))
        return change

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[PendingChange]:
        """See ``ChangeQueue.submit_all``."""
        call: Call | None = None
        if self._breaker is not None:
            try:
                call = self._breaker.admit()
            except BreakerOpen as error:
                refused = refusing(_read_only(error, key))
                changes = [change._replace(decide=refused) for change in changes]
        wait_ms = self._wait_ms
        pending = [PendingChange(entities, decide, own, wait_ms) for entities, decide, own, _ in changes]
        self._put(PendingGroup(pending, key, sum([change.weight for change in changes]), call))
        return pending

    def queue_depth(self) -> int:
        """See ``ChangeQueue.queue_depth``."""
        return self._queue.qsize() + self._further_places

    @property
    def ended(self) -> str | None:
        """Why nothing is committed any more, or ``None``."""
        return self._ended

    def close(self, seconds: float = 10.0) -> bool:
        """Commit queued changes and end the thread; ``False`` if it does not end in time."""
        self._closing.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _put(self, group: PendingGroup) -> None:
        if group.weight > _OPERATIONS_PER_PLACE:
            self._count_places(_further_places(group))
        self._queue.put(group)
        if self._ended is not None:
            self._refuse_queued()

    def _run(self) -> None:
        try:
            while True:
                try:
                    first = self._left_over or self._queue.get(timeout=IDLE_SECONDS)
                except queue.Empty:
                    if self._closing.is_set():
                        break
                    self.committing.idle()
                else:
                    self._commit(first)
        except BaseException:  # noqa: BLE001 - whatever it is, no client may be left waiting
            self._die()
        else:
            self._ended = "this process is shutting down"
            self._refuse_queued()

    def _commit(self, first: PendingGroup) -> None:
        self.committing.commit(lambda taken: self._take(first, taken))

    def _die(self) -> None:
        _log.critical("the committing thread ended; this process ends too", exc_info=True)
        self._ended = "the committing thread of this process has ended"
        try:
            self._on_death()
        finally:
            self._refuse_queued()

    def _take(self, first: PendingGroup, taken: list[PendingGroup]) -> None:
        """Take from the queue, in order, up to ``_MOST_OPERATIONS``; the first group even if it has more."""
        group: PendingGroup | None = first
        self._left_over = None
        free = _MOST_OPERATIONS
        while group is not None:
            taken.append(group)
            if group.weight > _OPERATIONS_PER_PLACE:
                self._count_places(-_further_places(group))
            free -= group.weight
            try:
                group = self._queue.get_nowait() if free > 0 else None
            except queue.Empty:
                group = None
            # A group is never split.
            if group is not None and group.weight > free:
                self._left_over, group = group, None

    def _count_places(self, many: int) -> None:
        with self._guard:
            self._further_places += many

    def _refuse_queued(self) -> None:
        while True:
            try:
                group = self._left_over or self._queue.get_nowait()
            except queue.Empty:
                return
            self._left_over = None
            for change in [change for change in group.changes if change.take()]:
                change.resolve(StorageUnavailable(str(self._ended), outcome="none"))


class CallersQueue(CommitQueue):
    """Has no thread: the caller's thread commits each change. For a store to which no other process appends.

    The rules are the same; nothing is ever queued.
    """

    def start(self) -> None:
        """Do nothing: there is no thread."""

    def close(self, seconds: float = 10.0) -> bool:
        """Refuse changes from now on."""
        self._ended = self._ended or "this process is shutting down"
        return True

    def _put(self, group: PendingGroup) -> None:
        if self._ended is not None:
            super()._put(group)
            return
        try:
            self.committing.commit(lambda taken: taken.append(group))
        except BaseException as error:
            self._die()
            # The ticket has errors of the store; this is the thread of the caller, which may be interrupted.
            if not isinstance(error, Exception):
                raise


def _read_only(error: BreakerOpen, key: IdempotencyKey | Delivery | None) -> ReadOnly:
    """The refusal of a change while the breaker is open: after its key was looked up, if it has one.

    :raises ReadOnly: it has none.
    """
    refusal = ReadOnly(
        "changes are refused for a while, because storage has failed repeatedly",
        retry_after_ms=error.retry_after_ms,
    )
    if key is None:
        raise refusal from error
    return refusal


def _further_places(group: PendingGroup) -> int:
    """The places that a group takes in the queue, besides the first."""
    return (group.weight - 1) // _OPERATIONS_PER_PLACE
