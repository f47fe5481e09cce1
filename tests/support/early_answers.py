"""Requests that are answered from their head alone, and the handling of the bytes that follow."""

import contextlib
import re
import socket
from typing import NamedTuple

from support.raw_http import HOST, JSON, PATH, chunk

TEXT = b"Content-Type: text/plain\r\n"
BATCH = b"POST /inventory/batch HTTP/1.1\r\n" + HOST
ADJUST = b"POST " + PATH.encode() + b"/adjust HTTP/1.1\r\n" + HOST + JSON
HEADS = {
    404: b"POST /nope HTTP/1.1\r\n" + HOST + JSON,
    405: b"DELETE " + PATH.encode() + b" HTTP/1.1\r\n" + HOST + JSON,
    415: BATCH + TEXT,
}
"""By the status of the answer, the head of a request but for the framing of its body."""

NEXT = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"
LONG = 111_000


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % size


class Framing(NamedTuple):
    """How a body is sent. :ivar at_once: with the head; :ivar later: once the answer is there."""

    at_once: bytes
    later: bytes = b""


FRAMINGS = {
    "a short body": Framing(length(12) + b"x" * 12),
    "a body of 60,000 bytes": Framing(length(60_000) + b"x" * 60_000),
    "a body of 111,000 bytes": Framing(length(LONG) + b"x" * LONG),
    "a body of 1 MiB": Framing(length(1 << 20) + b"x" * (1 << 20)),
    "a body whose end comes later": Framing(length(30) + b"x" * 10, b"x" * 20),
    "a body that never ends": Framing(length(30) + b"x" * 10),
    "a body that is a request": Framing(length(len(NEXT) + 5) + b"x" * 5, NEXT),
    "chunks": Framing(CHUNKS + chunk(b"x" * 12) + b"0\r\n\r\n"),
    "many chunks": Framing(CHUNKS + chunk(b"x" * 8000) * 14 + b"0\r\n\r\n"),
    "chunks whose end comes later": Framing(CHUNKS + chunk(b"x" * 12), b"0\r\n\r\n"),
    "chunks that never end": Framing(CHUNKS + chunk(b"x" * 12)),
    "chunks that are a request": Framing(CHUNKS + b"%x\r\n" % len(NEXT), NEXT),
}
BROKEN = {
    "a chunk size that is no number": Framing(CHUNKS + b"zz\r\n"),
    "a chunk that is longer than it says": Framing(CHUNKS + b"3\r\nxxxxxx\r\n0\r\n\r\n"),
    "a broken chunk behind a proper one": Framing(CHUNKS + chunk(b"x" * 12) + b"zz\r\n"),
    "a broken chunk that comes later": Framing(CHUNKS + chunk(b"x" * 12), b"zz\r\n"),
    "a chunk size that is cut off": Framing(CHUNKS + b"c", b"zz\r\n"),
    "a trailer that is none": Framing(CHUNKS + b"0\r\nno trailer\r\n\r\n"),
    "a length among the trailers": Framing(CHUNKS + b"0\r\nContent-Length: 5\r\n\r\n"),
    "a chunk extension with a line feed": Framing(CHUNKS + b"c;a\nb\r\n" + b"x" * 12 + b"\r\n0\r\n\r\n"),
    "a request in place of a chunk": Framing(CHUNKS + NEXT + NEXT),
}


class Told(NamedTuple):
    """One answer. :ivar after: what came behind it, up to the end of the connection where it was closed."""

    status: int
    closes: bool
    after: bytes


def told(port: int, head: bytes, framing: Framing) -> Told:
    """Send all of a body before anything is read, as many clients do; then another request, if there may be one."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head + framing.at_once)
        status, closes, rest = _answer(connection)
        # A connection that is closed may be gone by then: all the better.
        with contextlib.suppress(ConnectionError):
            connection.sendall(framing.later)
            if not closes:
                connection.sendall(NEXT)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while some := connection.recv(65536):
                rest += some
    return Told(status, closes, rest)


def assert_one_answer(found: Told, *statuses: int) -> None:
    """One answer to one request; what was kept open answers the next one, and what says that it closes is silent."""
    assert found.status in statuses
    if found.closes:
        assert found.after == b""
    else:
        assert re.findall(rb"HTTP/1\.1 (\d+) ", found.after) == [b"200"], found.after


def _answer(connection: socket.socket) -> tuple[int, bool, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        some = connection.recv(65536)
        assert some, received
        received += some
    head, _, rest = received.partition(b"\r\n\r\n")
    size = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
    while len(rest) < size:
        some = connection.recv(65536)
        assert some, received
        rest += some
    return int(head.split()[1]), b"Connection: close" in head, rest[size:]
