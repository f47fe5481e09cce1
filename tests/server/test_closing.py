"""Connections whose last answer was sent: closed with their client, or at once if too many wait for their clients."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread

import pytest
from support.waiting import until

from inventory.server import closing
from inventory.server.closing import Closer
from inventory.web.request_body import MAX_LIST_BYTES


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end and the client's of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        ours, _ = listener.accept()
        with ours:
            yield ours, client


def is_closed(connection: socket.socket) -> bool:
    return connection.fileno() == -1


def is_reset(client: socket.socket) -> bool:
    """Whether the other end has gone; if it has not, more is sent to it."""
    try:
        client.send(b"x" * closing._AT_ONCE)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return False


def test_a_client_that_has_closed_is_not_waited_for():
    ours, client = socket.socketpair()
    client.close()
    Closer().take(ours)
    assert is_closed(ours)


def test_a_client_that_is_there_is_waited_for_and_what_it_sends_is_read_until_it_closes():
    ours, client = socket.socketpair()
    Closer().take(ours)
    client.sendall(b"more")
    assert not is_closed(ours)
    client.close()
    until("it is closed", lambda: is_closed(ours))


def test_a_client_that_sends_as_much_as_the_longest_body_is_read_and_gets_its_answer(pair):
    ours, client = pair
    ours.sendall(b"the answer")
    ours.shutdown(socket.SHUT_WR)
    waits = Closer()
    waits.take(ours)
    client.sendall(b"x" * MAX_LIST_BYTES)
    assert client.recv(100) == b"the answer"
    client.close()
    until("it is closed", lambda: is_closed(ours))
    assert waits.cut.count == 0


def test_a_client_that_sends_more_is_cut(pair):
    ours, client = pair
    waits = Closer()
    waits.take(ours)
    client.setblocking(False)
    until("it is reset", lambda: is_reset(client))
    until("it is counted", lambda: waits.cut.count == 1)
    assert is_closed(ours)


def test_without_a_thread_to_be_had_a_connection_is_cut_and_its_room_is_free(pair, monkeypatch):
    def none(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none)
    waits = Closer()
    waits.take(pair[0])
    assert (is_closed(pair[0]), waits.cut.count, waits._open) == (True, 1, 0)


def test_a_client_that_never_closes_is_waited_for_no_longer_than_the_bound(monkeypatch):
    monkeypatch.setattr(closing, "_SECONDS", 0.0)
    ours, client = socket.socketpair()
    with client:
        waits = Closer()
        waits.take(ours)
        until("it is closed", lambda: is_closed(ours))
        until("it is counted", lambda: waits.cut.count == 1)


FILES = pytest.mark.parametrize(("files", "many"), [(200, 25), (1_000_000, 128), (resource.RLIM_INFINITY, 128)])


@FILES
def test_no_more_are_open_than_an_eighth_of_the_files_there_may_be(monkeypatch, files, many):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    # A thread that gets nothing done.
    monkeypatch.setattr(Closer, "_run", lambda *_: None)
    waits = Closer()
    with ExitStack() as stack:
        pairs = [taken(stack, waits) for _ in range(many + 1)]
        assert [is_closed(ours) for ours, _ in pairs] == [False] * many + [True]
        assert waits.cut.count == 1


@FILES
def test_where_too_many_wait_the_one_that_has_waited_for_longest_is_closed_for_the_next(monkeypatch, files, many):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    monkeypatch.setattr(closing, "_SECONDS", 600.0)
    waits = Closer()
    with ExitStack() as stack:
        pairs = [taken(stack, waits) for _ in range(waits._waits_for)]
        for number in range(3):
            pairs.append(taken(stack, waits))
            until("one is closed", lambda number=number: waits.cut.count == number + 1)
            assert [is_closed(ours) for ours, _ in pairs] == [True] * (number + 1) + [False] * waits._waits_for
        assert waits._waits_for < many
        pairs[3][1].close()
        until("it is closed", lambda: is_closed(pairs[3][0]))
        assert waits.cut.count == 3


def taken(stack: ExitStack, waits: Closer) -> tuple[socket.socket, socket.socket]:
    """Our end, which the other has taken, and the client's."""
    ours, client = socket.socketpair()
    stack.enter_context(ours)
    stack.enter_context(client)
    waits.take(ours)
    return ours, client
