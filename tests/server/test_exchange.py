"""An exchange: its head and body on the wire, an unread body, and what remains of it afterwards."""

import email.utils
import socket
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import wsgi
from support.deferring_worker import Deferring
from support.early_answers import BROKEN, FRAMINGS, Framing, assert_one_answer, told
from support.waiting import until
from support.worker_thread import WHOLE, answer

from inventory.server import exchange as exchange_module
from inventory.server.client_socket import ClientSocket
from inventory.server.exchange import Response

BODY = b"no  method"


def request(method: bytes, length: bytes = b"Content-Length: 10", body: bytes = BODY) -> bytes:
    return method + b" / HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n\r\n" + body


CHUNKED = (b"Transfer-Encoding: chunked", b"a\r\n" + BODY + b"\r\n0\r\n\r\n")


@pytest.fixture
def bodies(deferring: Deferring) -> list[Any]:
    """The body of each request, weakly; the application reads as much of it as ``X-Read`` says."""
    seen: list[Any] = []
    usual = deferring.worker.wsgi

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(weakref.ref(environ["wsgi.input"]))
        environ["wsgi.input"].read(int(environ.get("HTTP_X_READ", "0")))
        return usual(environ, start_response)

    deferring.worker.wsgi = app
    return seen


@pytest.mark.parametrize("read", [0, 4, 10], ids=["nothing", "a part", "all"])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("framing", [(b"Content-Length: 10", BODY), CHUNKED], ids=["length", "chunks"])
def test_what_the_application_leaves_unread_is_not_the_next_request(
    deferring: Deferring, bodies: list[Any], read: int, method: bytes, framing: tuple[bytes, bytes]
) -> None:
    deferring.start()
    length, body = framing
    client = deferring.client(request(method, length + b"\r\nX-Read: %d" % read, body))
    until("it is there", lambda: bodies)
    if method == b"POST":
        until("the change waits", lambda: deferring.tickets and deferring.tickets[0].is_awaited())
        deferring.tickets[0].settle()
    assert answer(client).startswith(b"HTTP/1.1 200")

    client.sendall(WHOLE)

    assert answer(client).startswith(b"HTTP/1.1 200")
    assert len(bodies) == 2


def test_a_connection_that_is_idle_keeps_nothing_of_its_last_request(deferring: Deferring, bodies: list[Any]) -> None:
    deferring.start()
    client = deferring.client(WHOLE)
    assert answer(client).startswith(b"HTTP/1.1 200")
    changing, ticket = deferring.change()
    ticket.settle()
    assert answer(changing).startswith(b"HTTP/1.1 200")
    # The stand-in keeps whom it told.
    ticket.forget()
    until("both are gone", lambda: [body() for body in bodies] == [None, None])
    assert deferring.worker.nr_conns == 2


def test_a_body_that_cannot_be_read_ends_the_connection(deferring: Deferring, bodies: list[Any]) -> None:
    deferring.start()
    client = deferring.client(request(b"GET", CHUNKED[0] + b"\r\nX-Read: 10", b"not a length\r\n") + WHOLE)
    received = b""
    while more := client.recv(1000):
        received += more
    assert received.count(b"HTTP/1.1") == 1
    assert len(bodies) == 1


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    accepted, client = socket.socketpair()
    client.setblocking(False)
    with ClientSocket(accepted, socket.socket.close) as server, client:
        yield server, client


def made(server: socket.socket, cls: type = Response, method: str = "GET", *, closes: bool = False) -> wsgi.Response:
    request = SimpleNamespace(version=(1, 1), method=method, should_close=lambda: closes)
    return cls(request, server, Config())


def sent(client: socket.socket) -> bytes:
    try:
        return client.recv(10_000)
    except BlockingIOError:
        return b""


def test_the_head_of_an_answer_goes_out_with_its_body(wire) -> None:
    server, client = wire
    answer = made(server)
    answer.start_response("200 OK", [("Content-Length", "4")])
    answer.send_headers()
    assert sent(client) == b""
    answer.write(b"body")
    head, _, body = sent(client).partition(b"\r\n\r\n")
    assert (head.splitlines()[0], body) == (b"HTTP/1.1 200 OK", b"body")


def test_the_head_of_an_answer_goes_out_where_there_is_no_body(wire) -> None:
    server, client = wire
    answer = made(server, method="HEAD")
    answer.start_response("200 OK", [("Content-Length", "4")])
    answer.close()
    assert sent(client).endswith(b"Content-Length: 4\r\n\r\n")


def test_the_head_of_a_stream_goes_out_at_once(wire) -> None:
    server, client = wire
    answer = made(server)
    answer.start_response("200 OK", [])
    answer.send_headers()
    assert sent(client).endswith(b"Transfer-Encoding: chunked\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "status", "headers", "pieces"),
    [
        ("GET", "200 OK", [("Content-Length", "4"), ("ETag", '"1"')], [b"bo", b"dy"]),
        ("GET", "200 OK", [("Content-Length", "2")], [b"more than that"]),
        ("GET", "200 OK", [("Content-Length", "0")], []),
        ("GET", "200 OK", [("X-Odd", "caf\xe9")], [b"a", b"", b"b"]),
        ("GET", "304 NOT MODIFIED", [("ETag", '"1"')], []),
        ("GET", "204 NO CONTENT", [], []),
        ("HEAD", "200 OK", [("Content-Length", "4")], []),
    ],
)
@pytest.mark.parametrize("closes", [False, True])
def test_all_in_all_the_bytes_are_those_of_gunicorn(wire, monkeypatch, method, status, headers, pieces, closes) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    server, client = wire
    wires = []
    for cls in (Response, wsgi.Response):
        answer = made(server, cls, method, closes=closes)
        answer.start_response(status, list(headers))
        for piece in pieces:
            answer.write(piece)
        answer.close()
        wires.append(sent(client))
    assert wires[0] == wires[1] != b""


def test_the_date_is_worked_out_once_a_second(wire, monkeypatch) -> None:
    worked_out = []
    work_out = util.http_date
    monkeypatch.setattr(util, "http_date", lambda second: worked_out.append(second) or work_out(second))
    exchange_module._date.cache_clear()
    dates = []
    for now in (1_000_000_000.1, 1_000_000_000.9, 1_000_000_001.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        answer = made(wire[0])
        answer.start_response("204 NO CONTENT", [])
        (line,) = [line for line in answer.default_headers() if line.startswith("Date: ")]
        dates.append(email.utils.parsedate_to_datetime(line[6:].strip()).timestamp())
    assert dates == [1_000_000_000, 1_000_000_000, 1_000_000_001]
    assert worked_out == [1_000_000_000, 1_000_000_001]


ALL = FRAMINGS | BROKEN
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(params=["401 UNAUTHORIZED", "429 TOO MANY REQUESTS", "503 SERVICE UNAVAILABLE"])
def refusing(deferring: Deferring, request: pytest.FixtureRequest) -> Deferring:
    """A worker whose application refuses every POST for its head."""
    usual = deferring.worker.wsgi

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] != "POST":
            return usual(environ, start_response)
        start_response(request.param, [("Content-Length", "2")])
        return [b"no"]

    deferring.worker.wsgi = app
    deferring.start()
    return deferring


@pytest.mark.parametrize("framing", ALL.values(), ids=ALL)
def test_the_answer_is_the_only_one_and_says_what_becomes_of_the_connection(
    refusing: Deferring, framing: Framing, request: pytest.FixtureRequest
) -> None:
    status = int(request.node.callspec.params["refusing"][:3])
    assert_one_answer(told(refusing.address[1], HEAD, framing), status)
