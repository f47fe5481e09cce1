"""The worker class of the service: gunicorn's worker with threads, in which no client and no change blocks a thread.

In addition to gunicorn's own (in the order of a connection's life):

- ``ClientSocket`` limits how long a request may take to arrive; a late one gets 408.
- ``check_head`` refuses what RFC 9112 requires to be refused.
- ``DeferredAnswers``: a change that waits for its commit occupies no thread; nor does a client that reads slowly
  (``Sender``), or one that does not close (``Closer``).
- At shutdown the worker stops listening at once, and answers the requests in progress.
"""

import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from inventory.resilience.bulkhead import ByteBudget
from inventory.server.client_socket import ClientSocket
from inventory.server.closing import Closer, has_sent_nothing, shut
from inventory.server.connection_share import ConnectionCounts, ConnectionShare
from inventory.server.deferred_answers import DeferredAnswers
from inventory.server.exchange import Exchange, read_to_its_end
from inventory.server.gunicorn_seam import (
    MainLoopCalls,
    SeamWorker,
    answer_unreadable_with,
    cache_settings,
    forget_request,
    is_new,
    take_over,
)
from inventory.server.poller import Poller
from inventory.server.request_head import check_head, write_problem
from inventory.server.sender import Sender
from inventory.server.thread_pool import ThreadPool
from inventory.server.worker_class import OWN
from inventory.settings import Settings
from inventory.web.deferred_answer import Deferred
from inventory.web.log_limits import WarningLimit
from inventory.wiring.services import UNSENT_BYTES, Services


class InventoryWorker(SeamWorker):
    """Serves until it is told to stop, and then until the last request is answered or the grace period is over.

    :ivar client_seconds: how long a request may take to arrive, and a client to read each piece of its answer.
    :ivar on_stopping: called when shutdown begins, so that waiting requests are answered.
    :ivar drained: whether it was told to stop and has finished its requests, or given up on them.
    :ivar sender: sends answers that clients do not read at once.
    :ivar closer: closes the connections whose last answer was sent.
    :ivar share: decides when to leave a new client to other workers of the server.
    """

    worker_class = OWN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client_seconds = 5.0
        self.on_stopping: Callable[[], None] = lambda: None
        self.drained = False
        self.method_queue = MainLoopCalls()
        self.sender = Sender(ByteBudget(UNSENT_BYTES))
        self.closer = Closer()
        self.share = ConnectionShare(ConnectionCounts(1), 0)
        # Each round of the main loop writes answers, so the wake-up itself has nothing to do.
        self.deferred = DeferredAnswers(self._write_deferred, partial(self.have_called, lambda: None))
        self._with_a_thread: set[Any] = set()

    def begin(self, settings: Settings, share: ConnectionShare | None) -> None:
        """Set the time limits of clients and changes, and the share, if there is one. Call it after the fork."""
        self.share = share or self.share
        self.client_seconds = settings.client_timeout_ms / 1000
        self.deferred.commit_seconds = settings.commit_wait_ms / 1000
        answer_unreadable_with(write_problem)

    def join(self, services: Services) -> None:
        """Connect the counters of the application, which exists by now."""
        cache_settings(self.cfg)
        self.on_stopping = services.stopping.set
        self.sender.budget, self.sender.count_cut = services.unsent, services.cut_answers
        self.closer.cut = services.connections_cut
        self.share.count_deferred = services.accepts_deferred
        services.shedder.watch(self.tpool.waiting)

    def make_thread_pool(self) -> ThreadPool:
        """The threads that parse requests and call the application."""
        return ThreadPool(self.cfg.threads)

    def init_signals(self) -> None:
        """See ``Worker.init_signals``. SIGINT ends it like SIGTERM: Ctrl-C in a terminal reaches every worker."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)

    def run(self) -> None:
        """See ``Worker.run``. If a signal ends it at once, requests that threads have begun are still answered."""
        self.poller.close()
        self.poller = Poller()
        try:
            super().run()
            for conn in self._with_a_thread:
                # The grace period is over. A thread that reads from a client for ever would keep the process alive.
                shut(conn.sock, socket.SHUT_RDWR)
            self.drained = True
        except SystemExit:
            self.tpool.shutdown(wait=True)
            self.deferred.write_all()
            self.sender.finish(self.client_seconds)
            raise
        finally:
            # However it ends: the process waits for its threads.
            self.tpool.shutdown(wait=False)
            self.sender.finish(0.0)

    def one_round(self, timeout: float) -> None:
        """Wait for events, handle them, and write answers that have become due."""
        self.dispatch_events(self.share.seconds_to_wait(min(timeout, self.deferred.seconds_to_next())))
        self.deferred.write_some()
        WarningLimit.tell()

    def request_comes(self, conn: Any) -> None:
        """Pass a connection with a coming request to the threads; its deadline starts now.

        It also runs while the connection waits for a thread: so many stalled clients time out together, not one round
        of threads after the other. Bytes that have arrived when a thread reads are read, however late that is.
        """
        self._with_a_thread.add(conn)
        if is_new(conn) and not isinstance(conn.sock, ClientSocket):
            take_over(conn, ClientSocket(conn.sock, self.closer.take), self._close)
        # Over TLS gunicorn makes another socket of it, without time limits; TLS belongs in the proxy.
        if isinstance(conn.sock, ClientSocket):
            conn.sock.begin(self.client_seconds)
        self.tpool.submit(self._handled, conn)

    def _handled(self, conn: Any) -> None:
        """Handle a connection, in a thread of the pool."""
        found: Any = False
        try:
            found = self.handle(conn)
        except BaseException:
            self.log.exception("Error handling request")
        # The last action of the thread on this connection.
        if isinstance(found, Exchange):
            self.deferred.add(found)
        elif isinstance(conn.sock, ClientSocket) and conn.sock.held:
            self.sender.take(conn.sock, partial(self._sent, conn, found))
        else:
            self.have_called(self._finish, conn, found)

    def handle(self, conn: Any) -> Any:
        """Answer the next request of a connection; return whether to keep it, or an ``Exchange`` that is deferred."""
        kept = super().handle(conn)
        sock = conn.sock
        if isinstance(sock, ClientSocket) and sock.expired and not sock.answered:
            self.log.warning("No complete request from ip=%s in %s s", (conn.client or [""])[0], self.client_seconds)
            write_problem(sock, 408, f"the client did not send the request in {self.client_seconds} s")
        return kept

    def ask_application(self, req: Any, conn: Any) -> Any:
        """Call the application; return like ``handle``. Over TLS, where a write may wait, no answer is deferred.

        The connection is kept only while others can still be accepted. gunicorn counts idle connections, not those
        about to become idle: measured, of 500 clients that connected at once 200 were kept, the maximum of two workers,
        and the others waited 75 s.
        """
        check_head(req)
        self.cfg.pre_request(self, req)
        exchange = Exchange(req, conn, self.cfg)
        self.count_request()
        if self.is_crowded() or not self.may_keep_another():
            exchange.resp.force_close()
        exchange.ask(self.wsgi)
        if not read_to_its_end(req, conn.sock):
            exchange.resp.force_close()
        if isinstance(exchange.answering, Deferred) and isinstance(conn.sock, ClientSocket):
            return exchange
        return exchange.answer(self)

    def _write_deferred(self, exchange: Exchange) -> None:
        """Answer in the main thread, which never waits: the sender sends what a client does not read at once."""
        conn, kept = exchange.conn, False
        conn.sock.setblocking(False)
        try:
            kept = exchange.answer(self)
            forget_request(conn)
        except (OSError, StopIteration) as error:
            self.log.debug("Closing connection. %s", error)
        except Exception as error:  # noqa: BLE001 - it concerns this connection alone, as gunicorn has it in a thread
            self.handle_error(exchange.req, conn.sock, conn.client, error)
        if conn.sock.held:
            self.sender.take(conn.sock, partial(self._sent, conn, kept))
        else:
            self._finish(conn, kept)

    def _sent(self, conn: Any, kept: Any, is_complete: bool) -> None:
        """Called by the sender: give the connection back to the main thread."""
        self.have_called(self._finish, conn, kept and is_complete)

    def _finish(self, conn: Any, kept: Any) -> None:
        self._with_a_thread.discard(conn)
        self.let_go(conn, kept)

    def _close(self, conn: Any, close: Callable[..., None], graceful: bool = False) -> None:
        """Close a connection; also over TLS, the main loop does not wait for the client to close."""
        sock = conn.sock
        if not graceful or isinstance(sock, ClientSocket):
            close(graceful)
            return
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            sock.close()
        else:
            self.closer.take(socket.socket(fileno=sock.detach()))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """See ``Worker.handle_exit``; called between two steps of the main thread."""
        super().handle_exit(sig, frame)
        if not self.booted:
            # The worker is still reading the log, which may take seconds; later the main loop does this.
            self.stop_listening()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """See ``Worker.handle_quit``: requests that threads have begun are finished, and nothing else."""
        self.stop_listening()
        super().handle_quit(sig, frame)

    def stop_listening(self) -> None:
        """Close the listening sockets of this process. Those of other processes stay open.

        gunicorn closes them only after its last request, and as long as any worker has them the kernel accepts clients
        that no worker will serve (measured: 20 s).
        """
        self.on_stopping()
        self.share.leave()
        for listener in self.sockets:
            listener.close()

    def end_begins(self) -> None:
        """Close the connections of clients that occupy a thread and have sent nothing."""
        for conn in self._with_a_thread:
            if is_new(conn) and has_sent_nothing(conn.sock):
                shut(conn.sock, socket.SHUT_RD)
