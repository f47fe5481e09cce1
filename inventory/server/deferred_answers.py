"""Answers that wait for their change, without a thread: the main loop writes them when a batch is durable.

A thread of its own for each that waits costs two hand-overs of the interpreter lock for each change, and no batch is
ever larger than there are threads.
"""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from inventory.server.exchange import Exchange

_AT_ONCE = 16
"""How many answers the main loop writes between two looks at everything else, with each of which it accepts a client.

Measured: with 60, the last of 400 clients that came at once, and sent request after request, was accepted after 9 s.
"""


class DeferredAnswers:
    """Exchanges whose answer is yet to be written, each once: when its change is settled, or has waited long enough.

    Threads add, the main thread takes.

    :ivar commit_seconds: how long that is; from then on asking for the answer does not wait any more.
    """

    def __init__(self, write: Callable[[Exchange], None], wake: Callable[[], None]) -> None:
        """:param write: writes an answer, in the main thread. :param wake: has the main loop do a round soon."""
        self.commit_seconds = 2.0
        self._write, self._wake = write, wake
        # In the order of their deadlines.
        self._waiting: deque[Exchange] = deque()
        self._late_refusals: deque[Exchange] = deque()
        self._settled: SimpleQueue[Exchange] = SimpleQueue()
        self._is_told = False

    def add(self, exchange: Exchange) -> None:
        """Answer it when it is settled; the last that its thread does with it."""
        late = exchange.answering.late_seconds
        exchange.until = time.monotonic() + (late or self.commit_seconds)
        (self._late_refusals if late else self._waiting).append(exchange)
        exchange.answering.on_resolved(partial(self._tell, exchange))

    def seconds_to_next(self) -> float:
        """How long the main loop may wait for events."""
        if not self._settled.empty():
            return 0.0
        while self._waiting and self._waiting[0].answered:
            self._waiting.popleft()
        # One that is added while the main thread sleeps does not wake it: it is found late by this at most.
        nearest = [queue[0].until - time.monotonic() for queue in (self._waiting, self._late_refusals) if queue]
        return max(0.0, min(nearest)) if nearest else self.commit_seconds / 4

    def write_some(self) -> None:
        """Answer some of what is settled, and all that has waited for too long."""
        # First: a thread that settles one from now on wakes the main loop again, at worst in vain.
        self._is_told = False
        # Clients that send the next request with each answer would keep it from everything else.
        for _ in range(min(_AT_ONCE, self._settled.qsize())):
            self._answer(self._settled.get_nowait())
        for queue in (self._waiting, self._late_refusals):
            while queue and queue[0].until <= time.monotonic():
                self._answer(queue.popleft())

    def write_all(self) -> None:
        """Answer all that is there, at once; waits for their changes."""
        for queue in (self._waiting, self._late_refusals):
            while queue:
                self._answer(queue.popleft())

    def _tell(self, exchange: Exchange) -> None:
        """One wake-up for all that are settled together."""
        self._settled.put(exchange)
        if not self._is_told:
            self._is_told = True
            self._wake()

    def _answer(self, exchange: Exchange) -> None:
        if not exchange.answered:
            exchange.answered = True
            self._write(exchange)
