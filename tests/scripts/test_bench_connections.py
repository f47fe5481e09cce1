"""scripts/bench: as many connections to one worker as to the next, although the driver does not choose the worker."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from bench import connections
from bench.connections import opened
from bench.load import Plan

WORKERS = (1, 2)


class Accepting:
    """A server of two workers. The second takes each third connection, or never any."""

    def __init__(self, stack: ExitStack, *, only_the_first: bool = False) -> None:
        self._stack, self._only_the_first = stack, only_the_first
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.accepted: dict[int, tuple[int, socket.socket]] = {}

    def owners(self, pids: object, port: int) -> dict[int, int]:
        for peer, connection in self._accepted_now():
            second = len(self.accepted) % 3 == 2 and not self._only_the_first
            self.accepted[peer] = (2 if second else 1, connection)
        return {peer: worker for peer, (worker, _) in self.accepted.items()}

    def _accepted_now(self) -> Iterator[tuple[int, socket.socket]]:
        while True:
            try:
                connection, (_, peer) = self._listener.accept()
            except BlockingIOError:
                return
            yield peer, self._stack.enter_context(connection)

    def open_at(self, worker: int) -> int:
        """How many of its connections the client has not closed."""
        held = [connection for owner, connection in self.accepted.values() if owner == worker]
        for connection in held:
            connection.setblocking(False)
        return sum(is_open(connection) for connection in held)


def is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.mark.parametrize(("wanted", "shares"), [(12, (6, 6)), (1, (1, 0)), (2, (1, 1)), (40, (20, 20))])
def test_each_worker_has_as_many_and_what_is_too_much_is_closed(
    wanted: int, shares: tuple[int, int], stack: ExitStack, monkeypatch: pytest.MonkeyPatch
):
    server = Accepting(stack)
    monkeypatch.setattr(connections, "owners", server.owners)

    kept = [stack.enter_context(one) for one in opened(Plan(server.port, (), wanted, 0, 0, pids=WORKERS))]

    assert len(kept) == wanted
    assert (server.open_at(1), server.open_at(2)) == shares


def test_where_one_worker_takes_all_there_are_as_many_as_wanted_all_the_same(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
):
    server = Accepting(stack, only_the_first=True)
    monkeypatch.setattr(connections, "owners", server.owners)

    kept = [stack.enter_context(one) for one in opened(Plan(server.port, (), 4, 0, 0, pids=WORKERS))]

    assert len(kept) == 4
    assert (server.open_at(1), server.open_at(2)) == (4, 0)


def test_each_attempt_is_made_from_the_next_core_and_then_all_may_be_used_again(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
):
    """A worker tied to the core that the driver is busy on accepts last, however often it is tried from there."""
    server, asked = Accepting(stack, only_the_first=True), []
    monkeypatch.setattr(connections, "owners", server.owners)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 7})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: asked.append(cores))

    for one in opened(Plan(server.port, (), 4, 0, 0, pids=WORKERS)):
        stack.enter_context(one)

    assert asked[:4] == [{3}, {7}, {3}, {7}]
    assert asked[-1] == {3, 7}
