"""What is left of a request after its answer: nothing, on a connection that is kept."""

import weakref
from typing import Any

import pytest
from system.waiting import until
from worker.deferring import Deferring
from worker.running import WHOLE, answer

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
