"""A request and its answer, which any thread may write later."""

import time
from datetime import timedelta
from functools import lru_cache
from typing import Any

from inventory.server.client_socket import ClientSocket
from inventory.server.gunicorn_seam import Body, Connection, LengthReader, errors, expects_continue, util, wsgi

_AT_MOST = 65_536
_STEP = 16_384


class InvitedReader:
    """Reads the body of a client that waits for ``100 Continue`` (RFC 9110 section 10.1.1).

    The server sends it when the application first reads. gunicorn sends it before it calls the application, which may
    refuse the request because of its head alone.

    :ivar is_awaited: whether the client may still be waiting.
    """

    def __init__(self, reader: Any, client: Any) -> None:
        self._reader, self._client = reader, client
        self.is_awaited = True

    def read(self, size: int) -> Any:
        """Read at most ``size`` bytes."""
        if self.is_awaited:
            self.is_awaited = False
            self._client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._reader.read(size)

    @property
    def remaining(self) -> int | None:
        """See ``_remaining``."""
        return _remaining(self._reader)


def _remaining(reader: Any) -> int | None:
    """The number of unread bytes of a body; ``None`` if it is chunked."""
    if isinstance(reader, InvitedReader):
        return reader.remaining
    return int(reader.length) if isinstance(reader, LengthReader) else None


def read_to_its_end(req: Any, sock: Any) -> bool:
    """Read the rest of a body that has arrived; return whether that was all of it.

    Never waits. Up to 64 KiB are read; a body with a longer rest counts as not read. So does one with invalid chunks,
    whose end is unknown.
    """
    body = req.body
    remaining = _remaining(body.reader)
    if remaining == 0:
        return True
    if body.failed or (remaining is not None and remaining > _AT_MOST):
        return False
    if isinstance(body.reader, InvitedReader) and body.reader.is_awaited:
        return False
    sock.setblocking(False)
    try:
        for _ in range(_AT_MOST // _STEP + 1):
            if not body.read(_STEP):
                return True
    except (OSError, errors.ParseException):
        # It has not arrived yet, or the client is gone, or the chunks are invalid.
        return False
    finally:
        sock.setblocking(True)
    return False


class Response(wsgi.Response):  # type: ignore[misc]
    """gunicorn's response, except that the head of a body of known length is sent with its first piece.

    That saves a packet and a system call. The head of a stream is sent at once. The date is cached: counted with
    py-spy, formatting it for each answer takes 5 % of a change.
    """

    headers_sent: bool

    def default_headers(self) -> list[str]:
        """See ``gunicorn.http.wsgi.Response``."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        headers = [
            # Whatever the version of the request: the highest that the server supports (RFC 9110 section 6.2).
            f"HTTP/1.1 {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        if self.chunked:
            headers.append("Transfer-Encoding: chunked\r\n")
        return headers

    def send_headers(self) -> None:
        """See ``gunicorn.http.wsgi.Response``; from now on they count as sent."""
        if self.headers_sent:
            return
        self.headers_sent = True
        further = [f"{name}: {value}\r\n" for name, value in self.headers]
        head = "".join((*self.default_headers(), *further, "\r\n")).encode("latin-1")
        if self.response_length is None or not isinstance(self.sock, ClientSocket):
            self.sock.sendall(head)
        else:
            self.sock.hold(head)

    def write(self, arg: bytes) -> None:
        """See ``gunicorn.http.wsgi.Response``."""
        super().write(arg)
        self._send()

    def close(self) -> None:
        """See ``gunicorn.http.wsgi.Response``."""
        super().close()
        self._send()

    def _send(self) -> None:
        if not isinstance(self.sock, ClientSocket):
            return
        if self.response_length is None:
            # A stream has no end: its thread is only as fast as the client reads.
            self.sock.flush()
        else:
            self.sock.send_some()


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    date: str = util.http_date(second)
    return date


class Exchange:
    """A request and its answer, from the call of the application on.

    :ivar answering: the return value of the application.
    :ivar until: for a deferred answer, when it is requested in any case, in monotonic seconds.
    """

    __slots__ = ("_begun", "_environ", "answered", "answering", "conn", "req", "resp", "until")

    def __init__(self, req: Any, conn: Connection, cfg: Any) -> None:
        self._begun = time.monotonic()
        self.req, self.conn = req, conn
        if expects_continue(req):
            req.body = Body(InvitedReader(req.body.reader, conn.sock))
        self.resp, self._environ = wsgi.create(req, conn.sock, conn.client, conn.server, cfg, Response)
        self._environ["wsgi.multithread"] = True
        self.answering: Any = None
        self.answered = False
        self.until = 0.0

    def ask(self, app: Any) -> None:
        """Call the application."""
        self.answering = app(self._environ, self.resp.start_response)

    def answer(self, worker: Any) -> bool:
        """Write the answer; return whether the connection may be kept.

        :raises StopIteration: it failed in the middle; as in gunicorn.
        """
        try:
            for piece in self.answering:
                self.resp.write(piece)
            self.resp.close()
        except OSError:
            raise
        except Exception:
            if not self.resp.headers_sent:
                raise
            # A second answer now would look like a part of this one.
            worker.log.exception("Error handling request")
            raise StopIteration from None
        finally:
            took = timedelta(seconds=time.monotonic() - self._begun)
            worker.log.access(self.resp, self.req, self._environ, took)
            if hasattr(self.answering, "close"):
                self.answering.close()
            self._tell_the_hook(worker)
        return not self.resp.should_close()

    def _tell_the_hook(self, worker: Any) -> None:
        try:
            worker.cfg.post_request(worker, self.req, self._environ, self.resp)
        except Exception:
            worker.log.exception("Exception in post_request hook")
