"""The answer as gunicorn writes it: its head in one packet with the body, its date worked out once a second."""

import time
from functools import lru_cache

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]

from inventory.worker.client_socket import ClientSocket


class Response(wsgi.Response):  # type: ignore[misc]
    """gunicorn's, apart from the head: that of a body of a known length goes out with its first piece.

    One packet and one system call less. The head of a stream goes out at once. Counted with py-spy, working out the
    date for each answer takes 5 % of a change.
    """

    headers_sent: bool
    _head = b""

    def default_headers(self) -> list[str]:
        """See ``gunicorn.http.wsgi.Response``."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        headers = [
            # Whatever the request's: the highest that is spoken here (RFC 9110 section 6.2).
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
        self._head = "".join((*self.default_headers(), *further, "\r\n")).encode("latin-1")
        if self.response_length is None:
            self._send_head()

    def close(self) -> None:
        """See ``gunicorn.http.wsgi.Response``."""
        super().close()
        self._send_head()

    def _emit_body(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        super()._emit_body(data)
        if self.response_length is None and isinstance(self.sock, ClientSocket):
            # A stream has no end: its thread goes on only as fast as the client reads.
            self.sock.flush()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            util.write(self.sock, head)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    date: str = util.http_date(second)
    return date
