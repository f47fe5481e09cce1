"""The threads of a worker: each does one thing after the other, and whoever asks waits for none of them."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

_Work: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]
_log = logging.getLogger(__name__)


class ThreadPool:
    """As many threads as are needed, up to a limit.

    ``concurrent.futures`` has each piece of work make a future, a lock and a condition, for a result that nobody here
    waits for. Measured: 12 to 19 % of a change (``docs/speed.md``).
    """

    def __init__(self, most: int) -> None:
        """:param most: how many threads there are at the most. The first starts with the first work."""
        self._most = most
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._has_ended = False

    def submit(self, do: Callable[..., object], /, *args: Any) -> None:
        """Have a thread call ``do``; what that raises is logged. Called by the thread that made the pool.

        :raises RuntimeError: the pool has ended, or the system gives it not even its first thread.
        """
        if self._has_ended:
            raise RuntimeError("the thread pool has ended")
        if len(self._threads) < self._most:
            self._start_one()
        self._queue.put((do, args))

    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        return self._queue.qsize()

    def shutdown(self, wait: bool = True) -> None:
        """Take no more work; the threads end when they have done what was submitted. A handler of a signal may call it.

        :param wait: whether to wait for that.
        """
        if not self._has_ended:
            self._has_ended = True
            self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _start_one(self) -> None:
        # One for each piece of work until there are all: to know who is idle costs more than a thread that sleeps.
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
            # An idle thread keeps nothing of its last request.
            del work, do, args
        # For the next one: whoever was started while a signal's handler ended the pool is told too.
        self._queue.put(None)
