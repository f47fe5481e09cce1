"""Answers that wait for the commit without a thread: the main loop writes them when the commit group is durable.

A waiting thread for each would cost two hand-overs of the interpreter lock for each change, and no commit group could
be larger than the number of threads.
"""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from inventory.server.exchange import Exchange

_AT_ONCE = 16
"""How many answers the main loop writes before it checks everything else, where it accepts one client each time.

Measured: with 60, the last of 400 clients that connected at once, and sent requests without pause, was accepted after
9 s.
"""


class DeferredAnswers:
    """Exchanges whose answer is not written yet: each is written when its ticket is resolved, or its time is over.

    Threads add, the main thread takes.

    :ivar commit_seconds: that time; afterwards, asking for the answer no longer waits.
    """

    def __init__(self, write: Callable[[Exchange], None], wake: Callable[[], None]) -> None:
        """:param write: writes an answer, in the main thread. :param wake: makes the main loop run a round soon."""
        self.commit_seconds = 2.0
        self._write, self._wake = write, wake
        # In the order of their deadlines.
        self._waiting: deque[Exchange] = deque()
        self._late_refusals: deque[Exchange] = deque()
        self._resolved: SimpleQueue[Exchange] = SimpleQueue()
        self._is_told = False

    def add(self, exchange: Exchange) -> None:
        """Answer it when its ticket is resolved; the last action of its thread."""
        late = exchange.answering.late_seconds
        exchange.until = time.monotonic() + (late or self.commit_seconds)
        (self._late_refusals if late else self._waiting).append(exchange)
        exchange.answering.on_resolved(partial(self._tell, exchange))

    def seconds_to_next(self) -> float:
        """How long the main loop may wait for events."""
        if not self._resolved.empty():
            return 0.0
        while self._waiting and self._waiting[0].answered:
            self._waiting.popleft()
        # Adding one does not wake the main thread: this is how late it may be found.
        nearest = [queue[0].until - time.monotonic() for queue in (self._waiting, self._late_refusals) if queue]
        return max(0.0, min(nearest)) if nearest else self.commit_seconds / 4

    def write_some(self) -> None:
        """Write some of the resolved answers, and all whose time is over."""
        # First: a ticket that is resolved from now on wakes the main loop again, at worst in vain.
        self._is_told = False
        # Otherwise clients that send the next request after each answer would occupy the main loop.
        for _ in range(min(_AT_ONCE, self._resolved.qsize())):
            self._answer(self._resolved.get_nowait())
        for queue in (self._waiting, self._late_refusals):
            while queue and queue[0].until <= time.monotonic():
                self._answer(queue.popleft())

    def write_all(self) -> None:
        """Write all answers now; wait for their changes."""
        for queue in (self._waiting, self._late_refusals):
            while queue:
                self._answer(queue.popleft())

    def _tell(self, exchange: Exchange) -> None:
        """Wake the main loop once for all tickets that are resolved together."""
        self._resolved.put(exchange)
        if not self._is_told:
            self._is_told = True
            self._wake()

    def _answer(self, exchange: Exchange) -> None:
        if not exchange.answered:
            exchange.answered = True
            self._write(exchange)
