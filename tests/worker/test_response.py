"""The answer on the wire: its head and body in one piece, and its date."""

import email.utils
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import wsgi

from inventory.worker import response as response_module
from inventory.worker.response import Response


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    client.setblocking(False)
    with server, client:
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
    response_module._date.cache_clear()
    dates = []
    for now in (1_000_000_000.1, 1_000_000_000.9, 1_000_000_001.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        answer = made(wire[0])
        answer.start_response("204 NO CONTENT", [])
        (line,) = [line for line in answer.default_headers() if line.startswith("Date: ")]
        dates.append(email.utils.parsedate_to_datetime(line[6:].strip()).timestamp())
    assert dates == [1_000_000_000, 1_000_000_000, 1_000_000_001]
    assert worked_out == [1_000_000_000, 1_000_000_001]
