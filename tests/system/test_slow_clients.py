"""Clients that stall, that never close, that never read: they are closed within a bounded time, and nothing remains."""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.client import record_path, stock
from support.raw_http import BODY, CHUNKED, GET, HOST, PATH, POST, all_of, crowd, declared
from support.running_server import RunningServer
from support.waiting import until

PATIENCE_MS = 500
CLOSES = b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"

STALLED = {
    "half a request line": b"POST /sto",
    "half a header": POST + b"Content-Le",
    "no body": declared(b"", 12),
    "half a body": declared(BODY[:5], len(BODY)),
    "half a chunk": CHUNKED + b"c\r\n" + BODY[:5],
    "a chunk without an end": CHUNKED + b"c\r\n" + BODY,
    "a body that is awaited": POST + b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n",
}


def open_files(server: RunningServer) -> list[int]:
    return [len(os.listdir(f"/proc/{worker}/fd")) for worker in server.workers()]


def threads(server: RunningServer) -> list[int]:
    return [len(os.listdir(f"/proc/{worker}/task")) for worker in server.workers()]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, worker_class: str) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("impatient")
    server = RunningServer(folder / "data", folder, CLIENT_TIMEOUT_MS=PATIENCE_MS, WORKER_CLASS=worker_class)
    try:
        server.start()
        with server.client() as client:
            stock(client, "sku-1", 100)
        # Every thread of the pools is there from now on.
        with ExitStack() as stack:
            for connection in crowd(stack, server.port, GET + b"Connection: close\r\n\r\n"):
                all_of(connection)
        yield server
    finally:
        server.close()


@pytest.fixture
def unharmed(impatient: RunningServer) -> Iterator[RunningServer]:
    """The same workers, record, descriptors and threads after the test as before it."""
    workers, before = impatient.workers(), impatient.get(PATH)
    until("what came before is closed", lambda: sum(open_files(impatient)) < 2 * 40)
    yield impatient
    assert impatient.workers() == workers
    assert impatient.get(PATH) == before
    until("nothing of it is left open", lambda: sum(open_files(impatient)) < 2 * 40)
    until("no thread of it is left", lambda: sum(threads(impatient)) < 2 * 20)


@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
def test_a_crowd_that_stalls_is_told_so_and_closed_and_others_are_served(unharmed: RunningServer, sent: bytes):
    with ExitStack() as stack:
        stalled = crowd(stack, unharmed.port, sent)
        with unharmed.client(timeout=20) as client:
            assert client.get("/health").status == 200
        received = [all_of(connection) for connection in stalled]
    for answer in received:
        head, _, body = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 "), answer
        assert json.loads(body)["error"] == "request_timeout"


@pytest.mark.parametrize("worker_class", ["gthread"], scope="module")
def test_on_gthread_a_crowd_that_stalls_is_closed_and_others_are_served_perhaps_by_new_workers(
    impatient: RunningServer,
):
    before = impatient.get(PATH)
    with ExitStack() as stack:
        stalled = crowd(stack, impatient.port, STALLED["half a body"])
        with impatient.client(timeout=20) as client:
            assert client.get("/health").status == 200
        for connection in stalled:
            all_of(connection)
    assert impatient.get(PATH) == before


def test_silent_connections_hold_no_thread(unharmed: RunningServer):
    with ExitStack() as stack:
        crowd(stack, unharmed.port, b"")
        # A thread that waited for one of them would be free only after five seconds.
        with unharmed.client(timeout=4) as client:
            assert client.get("/health").status == 200


@pytest.mark.parametrize("sent", [CLOSES, b"nonsense\r\n\r\n"], ids=["answered", "refused"])
def test_clients_that_never_close_hold_no_worker_up(unharmed: RunningServer, sent: bytes):
    with ExitStack() as stack:
        answered = crowd(stack, unharmed.port, sent)
        with unharmed.client(timeout=5) as client:
            assert client.get("/health").status == 200
        assert all(all_of(connection).startswith(b"HTTP/1.1 ") for connection in answered)
        until("they are closed on our side", lambda: sum(open_files(unharmed)) < 2 * 40)


@pytest.mark.both_worker_classes
def test_clients_that_never_read_their_answers_are_given_up(unharmed: RunningServer):
    with ExitStack() as stack:
        for _ in range(16):
            connection = stack.enter_context(socket.socket())
            # Before it connects: the window that is offered is small from the start.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", unharmed.port))
            connection.settimeout(0.2)
            # More answers than the buffers of both sides hold; whether all of it can be sent does not matter.
            with contextlib.suppress(OSError):
                connection.sendall((GET + b"\r\n") * 20_000)
        with unharmed.client(timeout=20) as client:
            assert client.get("/health").status == 200
        until("all are closed on our side", lambda: sum(open_files(unharmed)) < 2 * 40)


@pytest.mark.both_worker_classes
def test_a_client_that_hangs_up_before_its_answer_harms_no_other_client(unharmed: RunningServer):
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", unharmed.port)) as connection:
            # Closed with a reset, in the middle of whatever the server is at.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall((GET + b"\r\n") * 10)
    with unharmed.client(timeout=10) as client:
        assert client.get("/health").status == 200


@pytest.fixture
def short_of_files(data_dir: Path, tmp_path: Path, worker_class: str) -> Iterator[RunningServer]:
    """A server whose workers may open 200 files each, and so take 100 connections: the same workers afterwards."""
    few_files = ("bash", "-c", 'ulimit -n 200 && exec "$0" -m inventory.cli serve --init', sys.executable)
    server = RunningServer(data_dir, tmp_path, few_files, WORKER_CLASS=worker_class)
    try:
        server.start()
        workers = server.workers()
        yield server
        with server.client() as client:
            assert client.put(record_path("sku-1"), {"onHand": 1}).status == 201
        assert server.workers() == workers
    finally:
        server.close()


def test_of_more_clients_that_stall_than_a_worker_may_have_files_no_more_are_accepted(short_of_files: RunningServer):
    with ExitStack() as stack:
        crowd(stack, short_of_files.port, POST + b"Content-Le", 500)
        until("both have as many as they may", lambda: min(open_files(short_of_files)) > 100)
        assert max(open_files(short_of_files)) < 190


def test_of_more_clients_that_stay_than_a_worker_may_have_files_all_are_answered(short_of_files: RunningServer):
    # Which worker has how many is chance: those that it cannot keep open are told to close, and linger.
    with ExitStack() as stack:
        answered = crowd(stack, short_of_files.port, b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n", 500)
        for connection in answered:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert max(open_files(short_of_files)) < 190


def test_more_silent_clients_than_a_worker_may_have_files_keep_no_client_out(short_of_files: RunningServer):
    with ExitStack() as stack:
        crowd(stack, short_of_files.port, b"", 500)
        until("one has as many as it may", lambda: max(open_files(short_of_files)) > 100)
        for _ in range(20):
            with short_of_files.client(timeout=10) as client:
                assert client.get("/health").status == 200
        assert max(open_files(short_of_files)) < 190


def test_silent_clients_that_begin_to_speak_are_answered_or_were_closed(short_of_files: RunningServer):
    with ExitStack() as stack:
        silent = crowd(stack, short_of_files.port, b"", 500)
        until("one has as many as it may", lambda: max(open_files(short_of_files)) > 100)
        # Some speak while others take their places.
        for connection in silent:
            with contextlib.suppress(ConnectionError):
                connection.sendall(CLOSES)
        answers = [all_of(connection) for connection in silent]
    assert {answer[:13] for answer in answers} <= {b"", b"HTTP/1.1 200 "}
    # One worker may have all of them, of which it keeps some hundred, less those that make room for the next ones.
    assert sum(answer != b"" for answer in answers) >= 50
