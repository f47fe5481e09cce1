"""The worker class of the service: gunicorn's worker with threads, in which no client and no change holds a thread up.

Beyond gunicorn's own (in the order of a connection's life):

- ``ClientSocket`` bounds how long a request may take to come; one that is late is 408.
- ``check_head`` refuses what RFC 9112 wants refused.
- ``DeferredAnswers``: a change that waits for its commit holds no thread; nor does a client that reads slowly
  (``Sender``), or one that does not close (``Closer``).
- At the end it stops listening at once, and what was begun is answered.
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
    signals_of,
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
    """Serves until it is told to stop, and then until the last request is answered or the grace is over.

    :ivar client_seconds: how long a request may take to come, and a client to take each piece of its answer.
    :ivar on_stopping: called when the end begins: who waits for news in a request goes home.
    :ivar drained: whether it was told to stop and has finished what it had begun, or given up on it.
    :ivar sender: sends what clients do not take at once, of any answer.
    :ivar closer: closes the connections whose last answer was sent.
    :ivar share: says when it leaves a new client to other workers of its server.
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
        # What is done when the main loop wakes up is done in each of its rounds.
        self.deferred = DeferredAnswers(self._write_deferred, partial(self.have_called, lambda: None))
        self._with_a_thread: set[Any] = set()

    def begin(self, settings: Settings, share: ConnectionShare | None) -> None:
        """Take over how long clients and changes may take, and its share, if there is one; after the fork."""
        self.share = share or self.share
        self.client_seconds = settings.client_timeout_ms / 1000
        self.deferred.commit_seconds = settings.commit_wait_ms / 1000
        answer_unreadable_with(write_problem)

    def join(self, services: Services) -> None:
        """Count with the application, which has been made."""
        cache_settings(self.cfg)
        self.on_stopping = services.stopping.set
        self.sender.budget, self.sender.count_cut = services.unsent, services.cut_answers
        self.closer.cut = services.connections_cut
        self.share.count_deferred = services.accepts_deferred
        services.shedder.watch(self.tpool.waiting)

    def signals_missed(self, master: Any) -> list[int]:
        """The signals that have come to this process, or to the master just before the fork, and were not handled."""
        return signals_of(master)

    def make_thread_pool(self) -> ThreadPool:
        """The threads that parse requests and ask the application."""
        return ThreadPool(self.cfg.threads)

    def init_signals(self) -> None:
        """See ``Worker.init_signals``. SIGINT ends it as SIGTERM does: a terminal's Ctrl-C reaches every worker."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)

    def run(self) -> None:
        """See ``Worker.run``. Where a signal ends it at once, what threads have taken up is still answered."""
        self.poller.close()
        self.poller = Poller()
        try:
            super().run()
            for conn in self._with_a_thread:
                # The grace is over. A thread that reads from a client for ever would keep the process from ending.
                shut(conn.sock, socket.SHUT_RDWR)
            self.drained = True
        except SystemExit:
            self.tpool.shutdown(wait=True)
            self.deferred.write_all()
            self.sender.finish(self.client_seconds)
            raise
        finally:
            # Whatever it ends by: the process waits for its threads.
            self.tpool.shutdown(wait=False)
            self.sender.finish(0.0)

    def one_round(self, timeout: float) -> None:
        """Wait for events, handle them, and write answers that have become due."""
        self.dispatch_events(self.share.seconds_to_wait(min(timeout, self.deferred.seconds_to_next())))
        self.deferred.write_some()
        WarningLimit.tell()

    def request_comes(self, conn: Any) -> None:
        """Hand a connection on which a request is to come to the threads; its time runs from now on.

        Also while it waits for a thread: so a crowd of stalled clients is gone all at once, not one round of threads
        after the other. What has come by the time that a thread looks is read however late that is.
        """
        self._with_a_thread.add(conn)
        if is_new(conn) and not isinstance(conn.sock, ClientSocket):
            take_over(conn, ClientSocket(conn.sock, self.closer.take), self._close)
        # Over TLS gunicorn makes another socket of it, which has no bounds; the proxy is the place for TLS.
        if isinstance(conn.sock, ClientSocket):
            conn.sock.begin(self.client_seconds)
        self.tpool.submit(self._handled, conn)

    def _handled(self, conn: Any) -> None:
        """What a thread of the pool does with a connection."""
        found: Any = False
        try:
            found = self.handle(conn)
        except BaseException:
            self.log.exception("Error handling request")
        # The last that the thread has to do with this connection.
        if isinstance(found, Exchange):
            self.deferred.add(found)
        elif isinstance(conn.sock, ClientSocket) and conn.sock.held:
            self.sender.take(conn.sock, partial(self._sent, conn, found))
        else:
            self.have_called(self._finish, conn, found)

    def handle(self, conn: Any) -> Any:
        """Answer the next request of a connection; returns whether it is kept, or an ``Exchange`` that is deferred."""
        kept = super().handle(conn)
        sock = conn.sock
        if isinstance(sock, ClientSocket) and sock.expired and not sock.answered:
            self.log.warning("No complete request from ip=%s in %s s", (conn.client or [""])[0], self.client_seconds)
            write_problem(sock, 408, f"the client did not send the request in {self.client_seconds} s")
        return kept

    def ask_application(self, req: Any, conn: Any) -> Any:
        """Have the application answer; returns as ``handle`` does. Over TLS, where a write may wait, none is deferred.

        The connection is kept only while others can still be accepted. gunicorn counts those that are idle already,
        not those on their way there: measured, of 500 clients that came at once 200 were kept, which was all that
        two workers could have, and the others waited 75 s.
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
        """What the sender calls: the connection is the main thread's again."""
        self.have_called(self._finish, conn, kept and is_complete)

    def _finish(self, conn: Any, kept: Any) -> None:
        self._with_a_thread.discard(conn)
        self.let_go(conn, kept)

    def _close(self, conn: Any, close: Callable[..., None], graceful: bool = False) -> None:
        """Over TLS too, the main loop does not wait for a client to close."""
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
            # It is reading the log, which may take seconds; afterwards the loop does it.
            self.stop_listening()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """See ``Worker.handle_quit``: what threads have taken up is finished, and nothing else."""
        self.stop_listening()
        super().handle_quit(sig, frame)

    def stop_listening(self) -> None:
        """Close this process's descriptors of the listening sockets. Those of other processes stay as they are.

        gunicorn lets go of them only after its last request, and as long as any worker has them the kernel goes on
        accepting clients whom nobody will serve (measured: 20 s).
        """
        self.on_stopping()
        self.share.leave()
        for listener in self.sockets:
            listener.close()

    def end_begins(self) -> None:
        """Let go of the clients that have a thread and have sent nothing."""
        for conn in self._with_a_thread:
            if is_new(conn) and has_sent_nothing(conn.sock):
                shut(conn.sock, socket.SHUT_RD)
