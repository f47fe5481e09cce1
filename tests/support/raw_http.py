"""Requests as bytes that no HTTP client sends, and every byte of the answer."""

import contextlib
import socket
from contextlib import ExitStack

from support.client import record_path

PATH = record_path("sku-1")
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
BODY = b'{"delta":-1}'
POST = b"POST " + PATH.encode() + b"/adjust HTTP/1.1\r\n" + HOST + JSON
GET = b"GET " + PATH.encode() + b" HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def declared(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return POST + b"Content-Length: %d\r\n\r\n" % size + body


def exchange(port: int, data: bytes, *, wait: bool = True, half_close: bool = True) -> bytes:
    """Send bytes and nothing after them; returns all that comes back until the connection is closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        # A server that refuses before it has read everything may reset the connection under our hands.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if not wait:
                return b""
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while some := connection.recv(65536):
                received += some
    return received


# Many times the threads that there are (2 workers of 4), so that both workers have more than they can hold.
CROWD = 64


def crowd(stack: ExitStack, port: int, sent: bytes, number: int = CROWD) -> list[socket.socket]:
    made = []
    for _ in range(number):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        connection.sendall(sent)
        made.append(connection)
    return made


def all_of(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while some := connection.recv(65536):
            received += some
    return received
