"""The poller: it reports a client's connection once for each registration."""

import os
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import Mock

import pytest
from support.waiting import Stopwatch

from inventory.server.client_socket import ClientSocket
from inventory.server.poller import Poller

PATIENCE = 20.0


@pytest.fixture
def poller() -> Iterator[Poller]:
    made = Poller()
    yield made
    made.close()


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(resources: ExitStack) -> tuple[ClientSocket, socket.socket]:
    accepted, client = socket.socketpair()
    connection = ClientSocket(accepted, lambda rest: rest.close())
    resources.callback(connection.close)
    resources.callback(client.close)
    return connection, client


def watch(poller: Poller, fileobj: object) -> None:
    poller.register(fileobj, selectors.EVENT_READ, lambda _: None)


def waits(poller: Poller) -> bool:
    """Whether it sleeps for as long as it was told to, and finds nothing."""
    watch = Stopwatch()
    return found(poller, 0.1) == [] and watch.seconds >= 0.09


def found(poller: Poller, seconds: float = 0.0) -> list[object]:
    return [watched.fileobj for watched, _ in poller.select(seconds)]


def test_a_connection_is_told_of_once_and_again_when_it_is_registered_again(
    poller: Poller, resources: ExitStack
) -> None:
    connection, client = connected(resources)
    watch(poller, connection)
    client.sendall(b"first")
    assert found(poller, PATIENCE) == [connection]
    client.sendall(b"second")
    assert waits(poller)

    watch(poller, connection)

    # What has come meanwhile is not lost.
    assert found(poller, PATIENCE) == [connection]
    assert found(poller) == []


def test_a_request_costs_one_system_call(monkeypatch: pytest.MonkeyPatch, resources: ExitStack) -> None:
    kernel = Mock(wraps=select.epoll())
    monkeypatch.setattr(select, "epoll", lambda: kernel)
    poller = Poller()
    resources.callback(poller.close)
    connection, client = connected(resources)
    watch(poller, connection)
    kernel.reset_mock()
    for _ in range(3):
        client.sendall(b"x")
        assert found(poller, PATIENCE) == [connection]
        poller.unregister(connection)
        watch(poller, connection)
    assert [name for name, _, _ in kernel.method_calls if name != "poll"] == ["modify"] * 3


def test_a_connection_that_was_closed_by_its_client_is_told_of(poller: Poller, resources: ExitStack) -> None:
    connection, client = connected(resources)
    watch(poller, connection)
    client.close()
    assert found(poller, PATIENCE) == [connection]


def test_what_is_no_connection_is_told_of_until_it_is_unregistered(poller: Poller, resources: ExitStack) -> None:
    reading, writing = os.pipe()
    resources.callback(os.close, reading)
    resources.callback(os.close, writing)
    watch(poller, reading)
    os.write(writing, b"x")
    assert found(poller, PATIENCE) == [reading] == found(poller)
    poller.unregister(reading)
    assert waits(poller)


def test_a_connection_that_is_unregistered_is_not_told_of(poller: Poller, resources: ExitStack) -> None:
    connection, client = connected(resources)
    watch(poller, connection)
    poller.unregister(connection)
    client.sendall(b"late")
    assert waits(poller)
    watch(poller, connection)
    assert found(poller, PATIENCE) == [connection]
    # gunicorn takes it out once more then.
    poller.unregister(connection)


def test_a_number_that_the_system_gives_to_the_next_connection_is_the_next_connection(poller: Poller) -> None:
    with ExitStack() as first:
        connection, client = connected(first)
        number = connection.fileno()
        watch(poller, connection)
        client.sendall(b"x")
        assert found(poller, PATIENCE) == [connection]
    with ExitStack() as second:
        connection, client = connected(second)
        assert connection.fileno() == number
        watch(poller, connection)
        assert found(poller) == []
        client.sendall(b"x")
        assert found(poller, PATIENCE) == [connection]


def test_a_connection_may_go_on_as_another_socket_of_the_same_number(poller: Poller, resources: ExitStack) -> None:
    # As over TLS: gunicorn wraps it when its first bytes have come.
    connection, client = connected(resources)
    watch(poller, connection)
    client.sendall(b"x")
    assert found(poller, PATIENCE) == [connection]
    wrapped = socket.socket(fileno=connection.detach())
    resources.callback(wrapped.close)
    watch(poller, wrapped)
    assert found(poller, PATIENCE) == [wrapped] == found(poller)
    poller.unregister(wrapped)


def test_all_that_can_be_read_is_told_of_at_once(poller: Poller, resources: ExitStack) -> None:
    both = [connected(resources) for _ in range(40)]
    for connection, client in both:
        watch(poller, connection)
        client.sendall(b"x")
    assert sorted(map(id, found(poller, PATIENCE))) == sorted(id(connection) for connection, _ in both)
