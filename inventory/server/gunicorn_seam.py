"""The seam to gunicorn: every private name of gunicorn that the service uses is here, and nowhere else.

Written for the releases in ``KNOWN_RELEASES`` of ``worker_class``. Only ``InventoryWorker`` imports it, so gunicorn's
own thread worker uses nothing of it. To add a release, look up each name here in its source, and run the tests of
``tests/server`` on it.
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
"""How long an idle connection stays open at shutdown, for a request that is already on its way."""


class Connection(Protocol):
    """What the service uses of gunicorn's ``TConn``. :ivar client: its address. :ivar server: our address."""

    sock: Any
    client: Any
    server: Any


class _Done:
    """Stands in for the future that ``finish_request`` expects."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self._kept


class SeamWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads. Its private hooks call methods of ``InventoryWorker`` under public names.

    The main thread calls all of them except ``handle``, which a thread of the pool calls.
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
        """See ``ThreadWorker``; called with ``False`` at shutdown, with ``True`` in each round while it is off."""
        if enabled and self.alive and self.share.waits():
            return
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            self.stop_listening()

    def accept(self, listener: Any) -> None:
        """See ``ThreadWorker``; a client waits. While the client is left to other workers, this one does not listen."""
        if self.nr_conns >= self.worker_connections:
            # It has accepted its last one through another listener in this round, and listens no more in the next.
            return
        if self.share.leaves_to_others():
            super().set_accept_enabled(False)
            return
        before = self.nr_conns
        super().accept(listener)
        # Every worker is woken for a client, and one of them gets it.
        if self.nr_conns > before:
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
        # If the connection may be kept, the body was read to its end: see `ask_application`.
        if keepalive is True:
            forget_request(conn)
        return keepalive

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """See ``ThreadWorker``."""
        self.one_round(timeout)

    def murder_pending(self) -> None:
        """See ``ThreadWorker``; if no further client could be accepted, also close the longest silent one.

        Otherwise silent clients that use all connections would keep all others out for 75 s. Called between two rounds
        of events, so there is no pending event of a closed connection.
        """
        if self.nr_conns >= self.worker_connections and self.pending_conns:
            self.pending_conns[0].timeout = time.monotonic()
        super().murder_pending()
        if self.alive:
            self.share.round_is_over(self.nr_conns)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # Clients that have never sent anything have no request in progress.
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic())
        self.end_begins()

    def dispatch_events(self, timeout: float) -> None:
        """Wait for events, at most ``timeout`` seconds, and handle them."""
        super().wait_for_and_dispatch_events(timeout)

    def have_called(self, call: Callable[..., object], *args: Any) -> None:
        """Make the main thread call ``call`` soon; callable from any thread, and from a signal handler."""
        self.method_queue.defer(call, *args)

    def let_go(self, conn: Any, kept: Any) -> None:
        """Take back a connection from a thread: wait for its next request, or close it."""
        super().finish_request(conn, _Done(kept))

    def count_request(self) -> None:
        """Count a request; after gunicorn's ``max_requests`` the worker ends."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def may_keep_another(self) -> bool:
        """Whether the connection of a request may be kept after its answer."""
        return bool(self.alive and self.cfg.keepalive and len(self.keepalived_conns) < self.max_keepalived)

    def is_crowded(self) -> bool:
        """Whether there would be no room for other clients if all current connections were kept."""
        return bool(self.nr_conns > self.max_keepalived)


class MainLoopCalls(gthread.PollableMethodQueue):  # type: ignore[misc]
    """Calls for the main thread. After ``close`` it accepts and writes nothing.

    gunicorn's class keeps the number of its pipe: a thread that finishes after the end of the worker, because a disk
    hung, would write a NUL to the file that then has that number.
    """

    def __init__(self) -> None:
        super().__init__()
        # A signal handler also defers, perhaps in the thread that holds the lock.
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
    """Whether a client waits for ``100 Continue``; from now on gunicorn does not send it."""
    expected = bool(req._expected_100_continue)
    req._expected_100_continue = False
    return expected


def forget_request(conn: Any) -> None:
    """Make the parser forget a request whose body was read to its end."""
    conn.parser.mesg = None


def take_over(conn: Any, sock: ClientSocket, close: Callable[..., None]) -> None:
    """Give a new connection another socket, and let ``close(conn, gunicorn's close, graceful)`` close it.

    While a client has sent nothing yet, the main loop waits for it, without a thread. In gunicorn a thread first waits
    for five seconds: measured, 64 silent connections blocked 2 workers with 4 threads for 45 seconds.
    """
    conn.sock = sock
    wait_for_data = conn.wait_for_data
    conn.wait_for_data = lambda _: wait_for_data(0.0)
    conn.close = partial(close, conn, conn.close)


def is_new(conn: Any) -> bool:
    """Whether no thread has read from a connection."""
    return not conn.initialized


def answer_unreadable_with(write: Callable[[Any, int, str], None]) -> None:
    """Let ``write(sock, status, detail)`` answer requests that gunicorn's parser refuses, in this process."""
    util.write_error = lambda sock, status, _reason, detail: write(sock, status, detail)


def cache_settings(cfg: Any) -> None:
    """Make gunicorn's settings plain attributes of ``cfg``; later changes have no effect.

    gunicorn looks up each of them by name every time, in two calls, about 20 times for each request. Measured: 11 % of
    a change, more of a read (``docs/speed.md``).
    """
    vars(cfg).update({name: setting.get() for name, setting in cfg.settings.items()})
