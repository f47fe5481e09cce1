"""The committing thread: the one thread of a process that writes to the log."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inventory.domain.errors import IdempotencyConflict, StorageUnavailable, Unavailable
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import LogError, LogRewound, as_not_begun, as_unavailable
from inventory.eventlog.ticket import PendingChange, PendingGroup
from inventory.eventlog.writer import BatchWriter, OpenBatch
from inventory.service.ports.change_queue import Outcome

_IDLE_SECONDS = 0.05
_MOST_OPERATIONS = 1000
"""In a commit group, unless one change alone has more. Measured: 8 to 25 ms of the processor, and with 16 threads at
work on the same interpreter at worst 16 times that: still far below COMMIT_WAIT_MS."""
_OPERATIONS_PER_PLACE = 100
"""In the queue. The default limit of 256 places is at most 0.2 to 0.6 s of the committing thread, then."""
_log = logging.getLogger(__name__)


class _Result(NamedTuple):
    ticket: PendingChange
    settled: Outcome | Exception
    rests_on: int


class Committer:
    """Queues changes and commits them in batches: one write and one fdatasync for all that wait.

    What ``decide`` raises goes to its own waiter. If the thread ends by anything but ``close``, it
    fails all waiters and calls ``on_death``, which is to end the process.
    """

    def __init__(
        self,
        lock: AppendLock,
        writer: BatchWriter,
        durability: Durability,
        on_death: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._writer = writer
        self._durability = durability
        self._on_death = on_death
        self._queue: queue.SimpleQueue[PendingGroup] = queue.SimpleQueue()
        # What no longer went into a commit group, and is the first of the next.
        self._left_over: PendingGroup | None = None
        self._guard = threading.Lock()
        self._further_places = 0
        self._closing = threading.Event()
        self._ended: str | None = None
        self._complaint = ""
        # A daemon: it works for as long as requests are in flight, whatever is being shut down around it.
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Start the thread. After the fork: threads do not survive one."""
        self._thread.start()

    def submit(self, group: PendingGroup) -> None:
        """Queue changes that go into one batch."""
        if group.weight > _OPERATIONS_PER_PLACE:
            self._count_places(_further_places(group))
        self._queue.put(group)
        if self._ended is not None:
            self._refuse_queued()

    def depth(self) -> int:
        """How many groups wait to be taken up; each counts once for each begun 100 operations."""
        return self._queue.qsize() + self._further_places

    @property
    def ended(self) -> str | None:
        """Why nothing is committed any more, or ``None``."""
        return self._ended

    def close(self, seconds: float = 10.0) -> bool:
        """Commit what is queued and end the thread; ``False`` if it does not end in time."""
        self._closing.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                try:
                    first = self._left_over or self._queue.get(timeout=_IDLE_SECONDS)
                except queue.Empty:
                    if self._closing.is_set():
                        break
                    self._idle()
                else:
                    self._commit(first)
        except BaseException:  # noqa: BLE001 - whatever it is, nobody may be left waiting
            _log.critical("the committing thread ended; this process ends too", exc_info=True)
            self._ended = "the committing thread of this process has ended"
            self._on_death()
        else:
            self._ended = "this process is shutting down"
        self._refuse_queued()

    def _commit(self, first: PendingGroup) -> None:
        taken, begun, results = list[PendingGroup](), list[PendingChange](), list[_Result]()
        try:
            with self._lock:
                # Drained only now: whatever came in while the lock was waited for goes along.
                self._take(first, taken)
                batch = self._writer.begin()
                for group in taken:
                    self._decide_all(batch, group, begun, results)
                refusal = batch.refusal
                try:
                    self._writer.write(batch)
                except StorageUnavailable as error:
                    refusal, results = error, _unwritten(results, batch.first, error)
        except BaseException as error:
            self._complain(error)
            if not taken:
                self._take(first, taken)
            for ticket in begun:
                ticket.settle(as_unavailable(error))
            for ticket in [change for group in taken for change in group.changes if change.take()]:
                ticket.settle(as_not_begun(error))
            if not isinstance(error, Unavailable | LogError | OSError) or isinstance(error, LogRewound):
                raise
        else:
            if refusal is None:
                self._complaint = ""
            else:
                self._complain(refusal)
            self._settle(results)

    def _take(self, first: PendingGroup, taken: list[PendingGroup]) -> None:
        """Take from the queue, in its order, up to ``_MOST_OPERATIONS``; but the first group whatever it weighs."""
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

    def _decide_all(
        self, batch: OpenBatch, group: PendingGroup, begun: list[PendingChange], results: list[_Result]
    ) -> None:
        """Decide each change that is not withdrawn when its turn comes."""
        refusal: Exception | None = None
        try:
            if group.key is not None and any(change.is_open for change in group.changes):
                batch.require_unused((group.key, *[change.key for change in group.changes]))
        except Exception as error:  # noqa: BLE001 - it belongs to this group alone
            refusal = error
        for ticket in group.changes:
            if ticket.begin():
                begun.append(ticket)
                results.append(
                    self._decide(batch, ticket) if refusal is None else _Result(ticket, refusal, batch.latest())
                )

    def _decide(self, batch: OpenBatch, ticket: PendingChange) -> _Result:
        try:
            outcome = batch.run(ticket.entities, ticket.decide, ticket.key)
        except IdempotencyConflict as error:
            return _Result(ticket, error, batch.latest())
        except Exception as error:  # noqa: BLE001 - it belongs to this waiter alone
            return _Result(ticket, error, batch.rests_on(ticket.entities))
        return _Result(ticket, outcome, outcome.event.sequence)

    def _settle(self, results: Sequence[_Result]) -> None:
        durable_to = max((result.rests_on for result in results), default=0)
        try:
            self._durability.ensure(durable_to)
        except StorageUnavailable as error:
            self._complain(error)
            for ticket, settled, rests_on in results:
                ticket.settle(settled if self._durability.covers(rests_on) else _undurable(settled, error))
        except BaseException as error:
            for result in results:
                result.ticket.settle(as_unavailable(error))
            raise
        else:
            for result in results:
                result.ticket.settle(result.settled)

    def _idle(self) -> None:
        try:
            self._writer.catch_up()
        except LogRewound:
            raise
        except (LogError, OSError) as error:
            self._complain(error)

    def _complain(self, error: BaseException) -> None:
        # Once for each cause, and again when it comes back: thousands of changes may meet it.
        if str(error) != self._complaint:
            self._complaint = str(error)
            _log.error("%s", error)

    def _refuse_queued(self) -> None:
        while True:
            try:
                group = self._left_over or self._queue.get_nowait()
            except queue.Empty:
                return
            self._left_over = None
            for change in [change for change in group.changes if change.take()]:
                change.settle(StorageUnavailable(str(self._ended), outcome="none"))


def _further_places(group: PendingGroup) -> int:
    """How many places a group takes in the queue beyond its first."""
    return (group.weight - 1) // _OPERATIONS_PER_PLACE


def _unwritten(results: Sequence[_Result], before: int, error: StorageUnavailable) -> list[_Result]:
    """What each change gets of a batch that could not be written: those stand that rest on what was there before it."""
    return [
        result if result.rests_on <= before else _Result(result.ticket, as_unavailable(error, key_looked_up=True), 0)
        for result in results
    ]


def _undurable(settled: Outcome | Exception, error: StorageUnavailable) -> Unavailable:
    told = as_unavailable(error, key_looked_up=True)
    # Of a replay too: the change that it is about may be lost, and may be there.
    if isinstance(settled, Outcome):
        told.outcome = "unknown"
    return told
