"""Connections whose last answer was sent: closed with their client, or at once where too many wait for theirs."""

import resource
import socket
from contextlib import ExitStack
from threading import Event

import pytest
from system.waiting import until

from inventory.worker import lingering
from inventory.worker.lingering import Lingering


def is_closed(connection: socket.socket) -> bool:
    return connection.fileno() == -1


def test_a_client_that_has_closed_is_not_waited_for():
    ours, client = socket.socketpair()
    client.close()
    Lingering().take(ours)
    assert is_closed(ours)


def test_a_client_that_is_there_is_waited_for_and_what_it_sends_is_read_until_it_closes():
    ours, client = socket.socketpair()
    Lingering().take(ours)
    client.sendall(b"more")
    assert not is_closed(ours)
    client.close()
    until("it is closed", lambda: is_closed(ours))


def test_a_client_that_has_sent_much_is_not_cut_off_before_it_may_have_read_its_answer(monkeypatch):
    monkeypatch.setattr(lingering, "_DRAINED_AT_MOST", 100)
    ours, client = socket.socketpair()
    client.sendall(b"x" * 1000)
    started = Event()
    monkeypatch.setattr(Lingering, "_start", lambda _: started.set())
    Lingering().take(ours)
    with client, ours:
        assert (started.is_set(), is_closed(ours)) == (True, False)


def test_a_client_that_never_closes_is_waited_for_no_longer_than_the_bound(monkeypatch):
    monkeypatch.setattr(lingering, "_SECONDS", 0.0)
    ours, client = socket.socketpair()
    with client:
        Lingering().take(ours)
        until("it is closed", lambda: is_closed(ours))


@pytest.mark.parametrize(("files", "many"), [(200, 25), (1_000_000, 128), (resource.RLIM_INFINITY, 128)])
def test_no_more_are_waited_for_than_an_eighth_of_the_files_there_may_be(monkeypatch, files, many):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    waits = Lingering()
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(many + 1)]
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
            waits.take(pair[0])
        assert [is_closed(ours) for ours, _ in pairs] == [False] * many + [True]
        pairs[0][1].close()
        until("there is room again", lambda: is_closed(pairs[0][0]))
        ours, client = socket.socketpair()
        stack.enter_context(client)
        until("its room is free", lambda: waits._room._value == 1)
        waits.take(ours)
        assert not is_closed(ours)
        client.close()
        until("it is closed", lambda: is_closed(ours))
