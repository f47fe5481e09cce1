"""gunicorn's worker with threads, and a bound on how long a client may hold one of them."""

import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]

from inventory.server.client_socket import ClientSocket
from inventory.server.closing import Closer
from inventory.server.deferring_worker import DeferringWorker
from inventory.server.request_head import check_head
from inventory.web.log_limits import WarningLimit


class BoundedThreadWorker(DeferringWorker):
    """A request that is not there in time is 408, and its connection is closed; idle clients keep nobody out.

    Without this a thread waits for a client for ever: measured, 32 clients that send half a header, or half a body,
    and then nothing end all service of 2 workers with 4 threads.

    :ivar client_seconds: how long a request may take to come, and a client to take each piece of its answer.
    :ivar closer: what closes the connections whose last answer was sent.
    """

    client_seconds = 5.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.closer = Closer()

    def murder_pending(self) -> None:
        """See ``ThreadWorker``; where no other could be accepted, who has been silent for longest goes too.

        Left to gunicorn, as many silent clients as there may be connections keep all others out for 75 s. Called by
        the main loop between two rounds of events, so none of those that it closes has one that is still to come.
        """
        if self.nr_conns >= self.worker_connections and self.pending_conns:
            self.pending_conns[0].timeout = time.monotonic()
        super().murder_pending()
        WarningLimit.tell()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection on which a request is to come to the threads; its time runs from now on.

        Also while it waits for a thread: so a crowd of stalled clients is gone all at once, not one round of threads
        after the other. What has come by the time that a thread looks is read however late that is.
        """
        if not isinstance(conn.sock, ClientSocket) and not conn.initialized:
            conn.sock = ClientSocket(conn.sock, self.closer.take)
            conn.wait_for_data = partial(_look, conn.wait_for_data)
            conn.close = partial(self._close, conn, conn.close)
        # Over TLS gunicorn makes another socket of it, which has no bounds; the proxy is the place for TLS.
        if isinstance(conn.sock, ClientSocket):
            conn.sock.begin(self.client_seconds)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer the next request of a connection; runs in a thread of the pool."""
        kept = super().handle(conn)
        sock = conn.sock
        if isinstance(sock, ClientSocket) and sock.expired and not sock.answered:
            self.log.warning("No whole request from ip=%s in %s s", (conn.client or [""])[0], self.client_seconds)
            util.write_error(sock, 408, "Request Timeout", f"the request was not there in {self.client_seconds} s")
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Refuse what RFC 9112 wants refused (see ``check_head``), and let the application answer the rest.

        The connection is kept only while others can still be accepted. gunicorn counts those that are idle already,
        not those on their way there: measured, of 500 clients that came at once 200 were kept, which was all that
        two workers could have, and the others waited 75 s.
        """
        check_head(req)
        if self.nr_conns > self.max_keepalived:
            req.force_close()
        return super().handle_request(req, conn)

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


def _look(wait_for_data: Callable[[float], Any], _: float) -> Any:
    """Whether a new connection has sent anything yet. If not, gunicorn's main loop waits for it, and no thread.

    gunicorn has a thread wait for five seconds first: measured, 64 silent connections held 2 workers with 4 threads
    up for 45 seconds.
    """
    return wait_for_data(0.0)
