"""gunicorn's worker with threads, in which a change that waits for its commit holds no thread.

A thread parses the request and submits the change; when a batch is durable, the main loop writes all of its answers.
A thread of its own for each that waits costs two hand-overs of the interpreter lock for each change, and no batch is
ever larger than there are threads.
"""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from inventory.resilience.bulkhead import ByteBudget
from inventory.server.client_socket import ClientSocket
from inventory.server.exchange import Exchange, read_to_its_end
from inventory.server.main_loop import MainLoopCalls, Poller
from inventory.server.sender import Sender
from inventory.server.thread_pool import ThreadPool
from inventory.web.deferred import Deferred
from inventory.wiring.services import UNSENT_BYTES

_AT_ONCE = 16
"""How many answers the main loop writes between two looks at everything else, with each of which it accepts a client.

Measured: with 60, the last of 400 clients that came at once, and sent request after request, was accepted after 9 s.
"""


class _Answered:
    """What ``finish_request`` asks of a future, where there is none."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self._kept


class DeferringWorker(ThreadWorker):  # type: ignore[misc]
    """Answers what the application defers when it is settled, or when it has waited for as long as it may.

    :ivar commit_seconds: how long that is; from then on asking for the answer does not wait any more.
    :ivar sender: sends what clients do not take at once, of whatever answer.
    """

    alive: bool
    poller: Any
    client_seconds: float
    commit_seconds = 2.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order of their deadlines. Threads add to both, the main thread takes from them.
        self._deferred: deque[Exchange] = deque()
        self._late_refusals: deque[Exchange] = deque()
        self._settled: SimpleQueue[Exchange] = SimpleQueue()
        self._is_told = False
        self.method_queue = MainLoopCalls()
        self.sender = Sender(ByteBudget(UNSENT_BYTES))

    def get_thread_pool(self) -> ThreadPool:
        """See ``ThreadWorker``."""
        return ThreadPool(self.cfg.threads)

    def run(self) -> None:
        """See ``ThreadWorker``. Where a signal ends it at once, what threads have taken up is still answered."""
        self.poller.close()
        self.poller = Poller()
        try:
            super().run()
        except SystemExit:
            self.tpool.shutdown(wait=True)
            for waiting in (self._deferred, self._late_refusals):
                while waiting:
                    self._answer_deferred(waiting.popleft())
            self.sender.finish(self.client_seconds)
            raise
        finally:
            # Whatever it ends by: the process waits for its threads.
            self.tpool.shutdown(wait=False)
            self.sender.finish(0.0)

    def enqueue_req(self, conn: Any) -> None:
        """See ``ThreadWorker``."""
        self.tpool.submit(self._handled_by, self.handle, conn, conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Ask the application, in a thread of the pool; returns whether the connection is kept, or an ``Exchange``.

        As ``ThreadWorker`` does it, apart from what is deferred. Over TLS, where a write may wait, nothing is.
        """
        self.cfg.pre_request(self, req)
        exchange = Exchange(req, conn, self.cfg)
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        if not self.alive or not self.cfg.keepalive or len(self.keepalived_conns) >= self.max_keepalived:
            exchange.resp.force_close()
        exchange.ask(self.wsgi)
        if not read_to_its_end(req, conn.sock):
            exchange.resp.force_close()
        if isinstance(exchange.answering, Deferred) and isinstance(conn.sock, ClientSocket):
            return exchange
        return exchange.answer(self)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """See ``ThreadWorker``; then answer some of what is settled, and all that has waited for too long."""
        super().wait_for_and_dispatch_events(min(timeout, self._seconds_to_next()) if self._settled.empty() else 0.0)
        # First: whoever comes from now on wakes this thread anew, at worst in vain.
        self._is_told = False
        # Clients that send the next request with each answer would keep it from everything else.
        for _ in range(min(_AT_ONCE, self._settled.qsize())):
            self._answer_deferred(self._settled.get_nowait())
        for waiting in (self._deferred, self._late_refusals):
            while waiting and waiting[0].until <= time.monotonic():
                self._answer_deferred(waiting.popleft())

    def _keepalive_after(self, conn: Any, keepalive: Any) -> Any:
        # An answer that lets the connection be kept has had the body read to its end: see `handle_request`.
        if keepalive is True:
            conn.parser.mesg = None
        return keepalive

    def _handled_by(self, do: Callable[..., Any], conn: Any, *args: Any) -> None:
        """What a thread of the pool does with a connection."""
        found: Any = False
        try:
            found = do(*args)
        except BaseException:
            self.log.exception("Error handling request")
        # The last that the thread has to do with this connection.
        if not isinstance(found, Exchange):
            if isinstance(conn.sock, ClientSocket) and conn.sock.held:
                self.sender.take(conn.sock, partial(self._sent, conn, found))
            else:
                self.method_queue.defer(self.finish_request, conn, _Answered(found))
            return
        late = found.answering.late_seconds
        found.until = time.monotonic() + (late or self.commit_seconds)
        (self._late_refusals if late else self._deferred).append(found)
        found.answering.on_settled(partial(self._tell, found))

    def _tell(self, exchange: Exchange) -> None:
        """Have the main thread answer; one wake-up for all that are settled together."""
        self._settled.put(exchange)
        if not self._is_told:
            self._is_told = True
            self.method_queue.defer(_wake_up)

    def _seconds_to_next(self) -> float:
        while self._deferred and self._deferred[0].answered:
            self._deferred.popleft()
        # One that is added while the main thread sleeps does not wake it: it is found late by this at most.
        nearest = [waiting[0].until - time.monotonic() for waiting in (self._deferred, self._late_refusals) if waiting]
        return max(0.0, min(nearest)) if nearest else self.commit_seconds / 4

    def _answer_deferred(self, exchange: Exchange) -> None:
        """Answer in the main thread, which never waits: the sender sends what a client does not read at once."""
        if exchange.answered:
            return
        exchange.answered = True
        conn, kept = exchange.conn, False
        conn.sock.setblocking(False)
        try:
            kept = exchange.answer(self)
            conn.parser.mesg = None
        except (OSError, StopIteration) as error:
            self.log.debug("Closing connection. %s", error)
        except Exception as error:  # noqa: BLE001 - it concerns this connection alone, as gunicorn has it in a thread
            self.handle_error(exchange.req, conn.sock, conn.client, error)
        if conn.sock.held:
            self.sender.take(conn.sock, partial(self._sent, conn, kept))
            return
        self.finish_request(conn, _Answered(kept))

    def _sent(self, conn: Any, kept: Any, is_complete: bool) -> None:
        """What the sender calls: the connection is the main thread's again."""
        self.method_queue.defer(self.finish_request, conn, _Answered(kept and is_complete))


def _wake_up() -> None:
    """What the main thread does then is done in each of its rounds."""
