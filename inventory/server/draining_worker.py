"""gunicorn's thread worker, with an end at which nobody waits in vain.

Of gunicorn 27: when it is told to stop, a worker lets go of the listening socket only after its last request,
and as long as any worker has it the kernel goes on accepting clients whom nobody will serve (measured: 20 s).
A connection that never sent anything, or half a request, keeps it from ending until the master kills it.
"""

import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gunicorn.workers import gthread  # type: ignore[import-untyped]

from inventory.server.thread_worker import BoundedThreadWorker

WORKER_CLASS = "inventory.server.draining_worker.DrainingWorker"
LINGER_SECONDS = 0.5
"""How long an idle connection stays open at the end, for a request that is on its way already."""


class DrainingWorker(BoundedThreadWorker):
    """Stops listening at the first signal, and answers what was begun; SIGINT ends it as SIGTERM does.

    A terminal's Ctrl-C reaches every worker by itself, so SIGINT must not be the quick way here. SIGQUIT is.

    :ivar on_stopping: called when the end begins: who waits for news in a request goes home.
    :ivar drained: whether it was told to stop and has finished what it had begun, or given up on it.
    """

    alive: bool
    drained = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._with_a_thread: set[Any] = set()
        self.on_stopping: Callable[[], None] = lambda: None

    def init_signals(self) -> None:
        """See ``Worker.init_signals``."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)

    def run(self) -> None:
        """Serve until told to stop, and then until the last request is answered or the grace is over."""
        gthread.STOP_KEEPALIVE_LINGER = LINGER_SECONDS
        super().run()
        for connection in self._with_a_thread:
            # The grace is over. A thread that reads from a client for ever would keep the process from ending.
            _shut(connection.sock, socket.SHUT_RDWR)
        self.drained = True

    def set_accept_enabled(self, enabled: bool) -> None:
        """See ``ThreadWorker``; called with False when the end begins."""
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            self.stop_listening()

    def is_parent_alive(self) -> bool:
        """See ``ThreadWorker``; without a master this worker ends too."""
        there = bool(super().is_parent_alive())
        self.alive = self.alive and there
        return there

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
        """Close this process's descriptors of the listening sockets. Those of other processes stay as they are."""
        self.on_stopping()
        for listener in self.sockets:
            listener.close()

    def enqueue_req(self, conn: Any) -> None:
        """See ``ThreadWorker``."""
        self._with_a_thread.add(conn)
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """See ``ThreadWorker``; called in the main thread, as ``enqueue_req`` is."""
        self._with_a_thread.discard(conn)
        super().finish_request(conn, fs)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # Those that have never sent anything have nothing under way.
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, time.monotonic())
        for connection in self._with_a_thread:
            if not connection.initialized and _has_sent_nothing(connection.sock):
                _shut(connection.sock, socket.SHUT_RD)


def _has_sent_nothing(connection: socket.socket) -> bool:
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _shut(connection: socket.socket, how: int) -> None:
    # Already gone: all the better.
    with suppress(OSError):
        connection.shutdown(how)
