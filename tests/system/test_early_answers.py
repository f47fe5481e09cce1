"""A request that is answered before its body was read: the answer arrives, and it is the only one."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support.early_answers import (
    ADJUST,
    BATCH,
    BROKEN,
    CHUNKS,
    FRAMINGS,
    HEADS,
    LONG,
    NEXT,
    TEXT,
    Framing,
    assert_one_answer,
    length,
    told,
)
from support.raw_http import BODY, all_of, chunk, crowd
from support.running_server import RunningServer

EXPECTS = b"Expect: 100-continue\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ALL = FRAMINGS | BROKEN


@pytest.mark.parametrize("framing", ALL.values(), ids=ALL)
@pytest.mark.parametrize("status", HEADS)
def test_a_request_that_is_refused_for_its_head_gets_that_answer_and_no_other(
    lasting_server: RunningServer, status: int, framing: Framing
):
    # A body that is announced as too long is 413 before anything else is looked at.
    assert_one_answer(told(lasting_server.port, HEADS[status], framing), status, 413)


@pytest.mark.parametrize(
    "framing",
    [
        Framing(length(LONG) + b"x" * LONG),
        Framing(length(1 << 20) + b"x" * (1 << 20)),
        Framing(CHUNKS + chunk(b"x" * 8000) * 14 + b"0\r\n\r\n"),
        Framing(CHUNKS + chunk(b"x" * 8000) * 9 + b"zz\r\n"),
    ],
    ids=["long", "1-mib", "chunks", "broken"],
)
def test_a_body_that_is_too_long_is_told_so_once(lasting_server: RunningServer, framing: Framing):
    assert_one_answer(told(lasting_server.port, ADJUST, framing), 413)


@pytest.mark.parametrize("framing", BROKEN.values(), ids=BROKEN)
def test_a_body_that_turns_out_to_be_broken_while_it_is_read_is_told_so_once(
    lasting_server: RunningServer, framing: Framing
):
    found = told(lasting_server.port, ADJUST, Framing(framing.at_once + framing.later))
    assert_one_answer(found, 400)
    assert found.closes


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that lets one change a second through."""
    folder = tmp_path_factory.mktemp("strict")
    running = RunningServer(folder / "data", folder, RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=1)
    try:
        yield running.start()
    finally:
        running.close()


@pytest.mark.parametrize("framing", ALL.values(), ids=ALL)
def test_a_request_that_comes_too_soon_gets_that_answer_and_no_other(strict: RunningServer, framing: Framing):
    found = [told(strict.port, HEADS[404], framing) for _ in range(3)]
    assert {429, 413} & {each.status for each in found}
    for each in found:
        assert_one_answer(each, 429, 413, 404)


def test_what_is_there_already_is_read_and_the_connection_is_kept(lasting_server: RunningServer):
    for framing in (FRAMINGS["a short body"], FRAMINGS["chunks"]):
        assert not told(lasting_server.port, HEADS[404], framing).closes


def test_a_client_that_waits_to_be_told_to_send_its_body_is_told_so_when_the_body_is_read(
    lasting_server: RunningServer,
):
    with socket.create_connection(("127.0.0.1", lasting_server.port), timeout=20) as client:
        client.sendall(ADJUST + EXPECTS + length(len(BODY)))
        assert client.recv(65536) == CONTINUE
        client.sendall(BODY)
        assert client.recv(65536).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("framing", [length(LONG), length(12), CHUNKS], ids=["long", "short", "chunks"])
@pytest.mark.parametrize("status", HEADS)
def test_a_client_that_waits_and_is_refused_is_not_asked_for_its_body(
    lasting_server: RunningServer, status: int, framing: bytes
):
    # It may send it all the same.
    found = told(lasting_server.port, HEADS[status] + EXPECTS, Framing(framing, NEXT))
    assert_one_answer(found, status, 413)
    assert found.closes


def test_clients_whose_refused_bodies_come_slowly_hold_no_thread(serve):
    server = serve(CLIENT_TIMEOUT_MS=60_000)
    with ExitStack() as stack:
        # Many times the threads that there are.
        slow = crowd(stack, server.port, BATCH + TEXT + length(LONG) + b"x")
        for _ in range(3):
            for client in slow:
                client.sendall(b"x")
            with server.client(timeout=20) as other:
                assert other.get("/health").status == 200
        # Refused by the bulkhead of large changes, where a thread has not left it yet; a second later, then.
        statuses = {all_of(client)[:13] for client in slow}
        assert b"HTTP/1.1 415 " in statuses <= {b"HTTP/1.1 415 ", b"HTTP/1.1 503 "}
