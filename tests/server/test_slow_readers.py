"""Clients that read slowly hold no thread; they get their answers, or are dropped, even when the worker ends."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from gunicorn.workers import gthread
from support.waiting import until
from support.worker_thread import WHOLE, Running, answer

LONG = b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = bytes(range(256)) * 16_384
PIECES = 200


class Telling(Running):
    """Answers ``/long`` with 4 MiB, ``/stream`` with pieces without an end, and everything else with two bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer.set()
        self.pieces = 0

    def _app(self, environ, start_response):
        match environ["PATH_INFO"]:
            case "/long":
                start_response("200 OK", [("Content-Length", str(len(BODY)))])
                return [BODY]
            case "/stream":
                start_response("200 OK", [])
                return self._stream()
            case _:
                return super()._app(environ, start_response)

    def _stream(self) -> Iterator[bytes]:
        for _ in range(PIECES):
            self.pieces += 1
            yield b"x" * 65_536

    def slow(self, request: bytes) -> socket.socket:
        """A client with a small window, that has sent a request and reads nothing yet."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.settimeout(20)
        client.connect(self.address)
        self._clients.append(client)
        client.sendall(request)
        return client

    def unsent(self) -> int:
        return self.worker.sender.budget.used


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telling]:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", gthread.STOP_KEEPALIVE_LINGER)
    made = Telling()
    # The kernel keeps little of an answer: what a client does not read waits in the worker.
    made.listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    made.worker.client_seconds = 600.0
    yield made
    made.close()


def body_of(client: socket.socket) -> bytes:
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while not received.partition(b"\r\n\r\n")[2] or len(received.partition(b"\r\n\r\n")[2]) < len(BODY):
            part = client.recv(1 << 20)
            if not part:
                break
            received += part
    return bytes(received).partition(b"\r\n\r\n")[2]


def test_more_clients_read_slowly_than_there_are_threads_and_others_are_answered(telling: Telling):
    telling.start()
    slow = [telling.slow(LONG) for _ in range(5 * telling.config.threads)]
    until("all wait to be sent", lambda: telling.unsent() > len(slow) * len(BODY) // 2)

    for _ in range(3):
        assert answer(telling.client(WHOLE)).startswith(b"HTTP/1.1 200")

    assert all(body_of(client) == BODY for client in slow)
    until("nothing waits any more", lambda: telling.unsent() == 0)


def test_the_connection_is_kept_for_the_next_request(telling: Telling):
    telling.start()
    client = telling.slow(LONG)
    until("it waits to be sent", lambda: telling.unsent() > 0)
    assert body_of(client) == BODY
    client.sendall(WHOLE)
    assert answer(client).startswith(b"HTTP/1.1 200")


def test_a_request_that_came_meanwhile_is_answered_behind_the_long_answer(telling: Telling):
    telling.start()
    client = telling.slow(LONG + WHOLE)
    until("it waits to be sent", lambda: telling.unsent() > 0)
    received = b""
    while not received.endswith(b"\r\n\r\nok"):
        received += client.recv(1 << 20)
    assert received.count(b"HTTP/1.1 200") == 2
    assert BODY in received


def test_a_client_that_reads_nothing_is_given_up_and_its_connection_closed(telling: Telling):
    telling.worker.client_seconds, cut = 0.2, list[int]()
    telling.worker.sender.count_cut = lambda: cut.append(1)
    telling.start()
    client = telling.slow(LONG)
    until("it is given up", lambda: cut)
    until("it is let go of", lambda: telling.worker.nr_conns == 0)
    assert telling.unsent() == 0
    assert len(body_of(client)) < len(BODY)


def test_a_stream_goes_no_further_than_its_client_reads(telling: Telling):
    telling.start()
    client = telling.slow(STREAM)
    until("it has begun", lambda: telling.pieces > 0)
    received = 0
    while received < PIECES * 65_536:
        # What the buffers of both sides hold, and the piece that is under way.
        assert telling.pieces * 65_536 <= received + 2_000_000
        # Behind its last piece the end of the chunks alone.
        assert telling.unsent() <= len(b"0\r\n\r\n")
        received += len(client.recv(65_536))


def test_at_the_end_what_is_being_sent_is_finished(telling: Telling):
    telling.start()
    client = telling.slow(LONG)
    until("it waits to be sent", lambda: telling.unsent() > 0)
    telling.tell_to_end()
    until("clients are refused", telling.refuses)
    assert body_of(client) == BODY
    assert (telling.ends(), telling.worker.drained) == (True, True)


def test_at_the_end_a_client_that_reads_nothing_is_cut_off_when_the_grace_is_over(telling: Telling):
    telling.config.set("graceful_timeout", 1)
    telling.start()
    client = telling.slow(LONG)
    until("it waits to be sent", lambda: telling.unsent() > 0)
    telling.tell_to_end()
    assert (telling.ends(), telling.worker.drained) == (True, True)
    assert len(body_of(client)) < len(BODY)
    until("the sender has let go of it", lambda: telling.unsent() == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_at_a_quick_end_what_is_being_sent_is_finished(telling: Telling):
    telling.start()
    client = telling.slow(LONG)
    until("it waits to be sent", lambda: telling.unsent() > 0)
    telling.worker.method_queue.defer(telling.worker.handle_quit, None, None)
    until("clients are refused", telling.refuses)
    assert body_of(client) == BODY
    assert (telling.ends(), telling.worker.drained) == (True, False)
