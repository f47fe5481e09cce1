"""The seam to gunicorn: each private name of it that the service touches stands here, and nowhere else.

Read for the releases in ``KNOWN_RELEASES`` of ``worker_class``. Imported by ``InventoryWorker`` alone, so on
gunicorn's own thread worker nothing here is used. Another release is added to the list after each name here was looked
up in its source, and the tests of ``tests/server`` are green on it.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import errors, wsgi  # type: ignore[import-untyped]
from gunicorn.http.body import Body, LengthReader  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from inventory.server.client_socket import ClientSocket
from inventory.server.connection_share import ConnectionShare

__all__ = ["Body", "LengthReader", "errors", "util", "wsgi"]
LINGER_SECONDS = 0.5
"""How long an idle connection stays open at the end, for a request that is on its way already."""


class Connection(Protocol):
    """What the service uses of gunicorn's ``TConn``. :ivar client: its address. :ivar server: ours."""

    sock: Any
    client: Any
    server: Any


class _Done:
    """What ``finish_request`` asks of a future, where there is none."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self._kept


class SeamWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads. What it calls by private names is a method of ``InventoryWorker`` in our words.

    All but ``handle``, which a thread of the pool calls, is called by the main thread.
    """

    alive: bool
    poller: Any
    share: ConnectionShare

    def run(self) -> None:
        """See ``ThreadWorker``."""
        gthread.STOP_KEEPALIVE_LINGER = LINGER_SECONDS
        self.share.note(0)
        super().run()

    def get_thread_pool(self) -> Any:
        """See ``ThreadWorker``."""
        return self.make_thread_pool()

    def set_accept_enabled(self, enabled: bool) -> None:
        """See ``ThreadWorker``; called with False when the end begins, with True in each round in which it is off."""
        if enabled and self.alive and self.share.waits():
            return
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            self.stop_listening()

    def accept(self, listener: Any) -> None:
        """See ``ThreadWorker``; a client waits. While it is left to other workers, this one does not listen."""
        if self.share.leaves_to_others():
            super().set_accept_enabled(False)
            return
        super().accept(listener)
        self.share.accepted(self.nr_conns)

    def is_parent_alive(self) -> bool:
        """See ``ThreadWorker``; without a master this worker ends too."""
        there = bool(super().is_parent_alive())
        self.alive = self.alive and there
        return there

    def enqueue_req(self, conn: Any) -> None:
        """See ``ThreadWorker``."""
        self.request_comes(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """See ``ThreadWorker``."""
        return self.ask_application(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> Any:
        # An answer that lets the connection be kept has had the body read to its end: see `ask_application`.
        if keepalive is True:
            forget_request(conn)
        return keepalive

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """See ``ThreadWorker``."""
        self.one_round(timeout)

    def murder_pending(self) -> None:
        """See ``ThreadWorker``; where no other could be accepted, the client that was silent for longest goes too.

        Left to gunicorn, as many silent clients as there may be connections keep all others out for 75 s. Called
        between two rounds of events, so none of those that it closes has one that is still to come.
        """
        if self.nr_conns >= self.worker_connections and self.pending_conns:
            self.pending_conns[0].timeout = time.monotonic()
        super().murder_pending()
        if self.alive:
            self.share.round_is_over(self.nr_conns)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # Those that have never sent anything have nothing under way.
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic())
        self.end_begins()

    def dispatch_events(self, timeout: float) -> None:
        """Wait for events, so long at most, and have each handled."""
        super().wait_for_and_dispatch_events(timeout)

    def have_called(self, call: Callable[..., object], *args: Any) -> None:
        """Have the main thread call that soon; from any thread, and from a signal's handler."""
        self.method_queue.defer(call, *args)

    def let_go(self, conn: Any, kept: Any) -> None:
        """A thread is done with a connection: wait for its next request, or close it."""
        super().finish_request(conn, _Done(kept))

    def count_request(self) -> None:
        """After as many as gunicorn was told, the worker ends."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def may_keep_another(self) -> bool:
        """Whether the connection of a request may be kept after its answer."""
        return bool(self.alive and self.cfg.keepalive and len(self.keepalived_conns) < self.max_keepalived)

    def is_crowded(self) -> bool:
        """Whether the clients that are here would leave no room for others, were all of them kept."""
        return bool(self.nr_conns > self.max_keepalived)


class MainLoopCalls(gthread.PollableMethodQueue):  # type: ignore[misc]
    """Calls that the main thread is to make. After ``close`` nothing is taken and nothing is written.

    gunicorn's keeps the number of its pipe: a thread that is done after the end of the worker, when the disk comes
    back, would write a NUL to the file that has that number by then.
    """

    def __init__(self) -> None:
        super().__init__()
        # A signal's handler defers too, in the thread that may be at it already.
        self._guard = threading.RLock()
        self._is_closed = False

    def defer(self, callback: Callable[..., Any], *args: Any) -> None:
        """See ``PollableMethodQueue``."""
        with self._guard:
            if not self._is_closed:
                super().defer(callback, *args)

    def close(self) -> None:
        """See ``PollableMethodQueue``."""
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                super().close()


def expects_continue(req: Any) -> bool:
    """Whether a client waits to be told to send its body; from now on gunicorn does not tell it."""
    expected = bool(req._expected_100_continue)
    req._expected_100_continue = False
    return expected


def forget_request(conn: Any) -> None:
    """Let the parser keep nothing of a request whose body was read to its end."""
    conn.parser.mesg = None


def take_over(conn: Any, sock: ClientSocket, close: Callable[..., None]) -> None:
    """Give a new connection another socket, and have ``close(conn, gunicorn's close, graceful)`` close it.

    Where a client has sent nothing yet, gunicorn's main loop waits for it, and no thread. gunicorn has a thread wait
    for five seconds first: measured, 64 silent connections held 2 workers with 4 threads up for 45 seconds.
    """
    conn.sock = sock
    wait_for_data = conn.wait_for_data
    conn.wait_for_data = lambda _: wait_for_data(0.0)
    conn.close = partial(close, conn, conn.close)


def is_new(conn: Any) -> bool:
    """Whether no thread has read from a connection."""
    return not conn.initialized


def answer_unreadable_with(write: Callable[[Any, int, str], None]) -> None:
    """Have ``write(sock, status, detail)`` answer, in this process, what gunicorn's parser refuses."""
    util.write_error = lambda sock, status, _reason, detail: write(sock, status, detail)


def cache_settings(cfg: Any) -> None:
    """Make gunicorn's settings plain attributes of ``cfg``; what is set from now on is not seen.

    gunicorn looks each of them up by name whenever it wants it, in two calls, some 20 times for each request. Measured:
    11 % of a change, more of a read (``docs/speed.md``).
    """
    vars(cfg).update({name: setting.get() for name, setting in cfg.settings.items()})


def signals_of(master: Any) -> list[int]:
    """Take the signals that have come and were not handled out of a master's queue, as a forked worker has it."""
    found = []
    while not master.SIG_QUEUE.empty():
        found.append(master.SIG_QUEUE.get_nowait())
    return found
