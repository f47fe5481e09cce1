"""The thread pool of a worker. The caller does not wait for a result."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

_Work: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]
_log = logging.getLogger(__name__)


class ThreadPool:
    """As many threads as are needed, up to a limit.

    ``concurrent.futures`` creates a future, a lock and a condition for each piece of work, for a result that the worker
    does not need. Measured: 12 to 19 % of a change (``docs/speed.md``).
    """

    def __init__(self, most: int) -> None:
        """:param most: the maximum number of threads. The first one starts with the first work."""
        self._most = most
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._has_ended = False

    def submit(self, do: Callable[..., object], /, *args: Any) -> None:
        """Let a thread call ``do``; errors are logged. Only the thread that created the pool may call this.

        :raises RuntimeError: the pool has ended, or the system refuses even the first thread.
        """
        if self._has_ended:
            raise RuntimeError("the thread pool has ended")
        if len(self._threads) < self._most:
            self._start_one()
        self._queue.put((do, args))

    def waiting(self) -> int:
        """The number of pieces of work that wait for a thread."""
        return self._queue.qsize()

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more work; the threads end when they have done what was submitted. A signal handler may call it.

        :param wait: whether to wait for that.
        """
        if not self._has_ended:
            self._has_ended = True
            self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _start_one(self) -> None:
        # One for each piece of work up to the maximum: tracking idle threads costs more than a sleeping thread.
        thread = threading.Thread(target=self._run, name=f"request-{len(self._threads)}")
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            do, args = work
            try:
                do(*args)
            except BaseException:  # noqa: BLE001 - this thread is there for others too
                _log.exception("a thread of this worker ended with an error")
            # An idle thread must not keep objects of its last request.
            del work, do, args
        # For the next thread: one that was started while a signal handler ended the pool must end, too.
        self._queue.put(None)
