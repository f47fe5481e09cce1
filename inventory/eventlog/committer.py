"""The committing thread: the one thread of a process that writes to the log."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inventory.domain.errors import IdempotencyConflict, StorageUnavailable, Unavailable
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import LogError, LogRewound, unreadable
from inventory.eventlog.ticket import PendingChange
from inventory.eventlog.writer import BatchWriter, OpenBatch
from inventory.service.ledger import Outcome

_IDLE_SECONDS = 0.05
_MOST_IN_A_BATCH = 1000
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
        self._queue: queue.SimpleQueue[PendingChange] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._ended: str | None = None
        self._complaint = ""
        # A daemon: it works for as long as requests are in flight, whatever is being shut down around it.
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Start the thread. After the fork: threads do not survive one."""
        self._thread.start()

    def submit(self, change: PendingChange) -> None:
        """Queue a change."""
        self._queue.put(change)
        if self._ended is not None:
            self._refuse_queued()

    def depth(self) -> int:
        """How many changes wait to be taken up."""
        return self._queue.qsize()

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
                    first = self._queue.get(timeout=_IDLE_SECONDS)
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

    def _commit(self, first: PendingChange) -> None:
        tickets: list[PendingChange] = []
        try:
            with self._lock:
                # Drained only now: whatever came in while the lock was waited for goes along.
                self._take(first, tickets)
                batch = self._writer.begin()
                results = [self._decide(batch, ticket) for ticket in tickets]
                self._writer.write(batch)
        except BaseException as error:
            self._complain(error)
            if not tickets:
                self._take(first, tickets)
            for ticket in tickets:
                ticket.settle(_as_unavailable(error))
            if not isinstance(error, Unavailable | LogError | OSError) or isinstance(error, LogRewound):
                raise
        else:
            self._complaint = ""
            self._settle(results)

    def _take(self, first: PendingChange, tickets: list[PendingChange]) -> None:
        change: PendingChange | None = first
        while change is not None:
            if change.take():
                tickets.append(change)
            try:
                change = self._queue.get_nowait() if len(tickets) < _MOST_IN_A_BATCH else None
            except queue.Empty:
                change = None

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
            _log.error("%s", error)
            for ticket, settled, rests_on in results:
                ticket.settle(settled if self._durability.covers(rests_on) else _undurable(settled, error))
        except BaseException as error:
            for result in results:
                result.ticket.settle(_as_unavailable(error))
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
                change = self._queue.get_nowait()
            except queue.Empty:
                return
            if change.take():
                change.settle(StorageUnavailable(str(self._ended), outcome="none"))


def _undurable(settled: Outcome | Exception, error: StorageUnavailable) -> StorageUnavailable:
    changed = isinstance(settled, Outcome) and not settled.replayed
    return StorageUnavailable(str(error), outcome="unknown" if changed else "none")


def _as_unavailable(error: BaseException) -> Exception:
    match error:
        case StorageUnavailable():
            return StorageUnavailable(str(error), outcome=error.outcome)
        case Unavailable():
            return type(error)(str(error), retry_after_ms=error.retry_after_ms)
        case LogError() | OSError():
            return unreadable(error)
        case _:
            return StorageUnavailable("the committing thread met an unexpected error", outcome="unknown")
