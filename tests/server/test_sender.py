"""One thread sends the bytes that clients do not take at once, and closes connections that are too slow."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from support.waiting import until

from inventory.resilience.bulkhead import ByteBudget
from inventory.server.client_socket import FLOOR, ClientSocket
from inventory.server.sender import Sender

PATIENCE = 0.2
BODY = bytes(range(256)) * (4096 * 4)
BUDGET = 64 * 1024 * 1024


class World:
    """A sender with a clock that is moved by hand, its connections, and what became of them."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.now = 100.0
        self.budget, self.cut = ByteBudget(budget), list[int]()
        self.sender = Sender(self.budget, lambda: self.now)
        self.sender.count_cut = lambda: self.cut.append(1)
        self.done: dict[int, bool] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]

    def client(self, body: bytes = BODY, kernel: int = 65_536) -> tuple[int, socket.socket]:
        """One whose answer is handed to the sender; returns its number. :param kernel: how much that takes at once."""
        client = socket.socket()
        # Before it connects: the window that is offered is small from the start.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.settimeout(20)
        client.connect(self._listener.getsockname())
        accepted, _ = self._listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, kernel)
        connection = ClientSocket(accepted, lambda rest: rest.close())
        self._open += [client, connection]
        connection.begin(PATIENCE)
        connection.sendall(body)
        assert connection.held
        number = len(self._open)
        self.sender.take(connection, lambda complete: self.done.__setitem__(number, complete))
        return number, client

    def later(self) -> bool:
        """Let a client's patience pass once more: its kernel may still have been taking when it passed before."""
        self.now += PATIENCE
        return True

    def close(self) -> None:
        for one in self._open:
            one.close()
        self.sender.finish(20)


@pytest.fixture
def make() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def world(**given: int) -> World:
        made.append(World(**given))
        return made[-1]

    yield world
    for each in made:
        each.close()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


def read(client: socket.socket, many: int = len(BODY)) -> bytes:
    received = bytearray()
    while len(received) < many and (part := client.recv(min(65_536, many - len(received)))):
        received += part
    return bytes(received)


def senders() -> int:
    return sum(thread.name == "sender" for thread in threading.enumerate())


def test_many_clients_are_sent_their_answers_by_one_thread(world: World):
    clients = [world.client() for _ in range(12)]
    assert senders() == 1
    assert world.budget.used > 0
    assert all(read(client) == BODY for _, client in clients)
    until("all are done", lambda: len(world.done) == len(clients))
    assert world.done == {number: True for number, _ in clients}
    assert (world.budget.used, world.cut) == (0, [])


def test_a_client_that_takes_nothing_is_given_up_and_the_others_are_not(world: World):
    silent, _ = world.client()
    number, client = world.client()
    assert read(client) == BODY
    until("the one is done", lambda: number in world.done)
    assert silent not in world.done
    until("the other is given up", lambda: world.later() and silent in world.done)
    assert (world.done, world.cut, world.budget.used) == ({number: True, silent: False}, [1], 0)


@pytest.mark.parametrize("kernel", [65_536, 2_000_000])
def test_a_client_that_takes_as_little_as_it_may_is_sent_all_of_it(world: World, kernel: int):
    number, client = world.client(kernel=kernel)
    received, each = 0, FLOOR
    while received < len(BODY):
        received += len(read(client, each))
        # So much less than the patience that it does not matter when the sender looks.
        world.now += PATIENCE / 4
    until("it is done", lambda: number in world.done)
    assert (world.done[number], world.cut) == (True, [])


def test_a_client_that_has_gone_is_done_with(world: World):
    number, client = world.client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    until("it is done", lambda: number in world.done)
    assert (world.done[number], world.budget.used) == (False, 0)


def test_what_is_above_the_budget_is_cut_at_once_and_the_rest_is_sent(make: Callable[..., World]):
    world = make(budget=len(BODY))
    kept, client = world.client()
    beyond, dropped = world.client()
    assert world.done == {beyond: False}
    assert read(client) == BODY
    until("it is done", lambda: kept in world.done)
    assert (world.done[kept], world.cut, world.budget.used) == (True, [1], 0)
    assert dropped.fileno() >= 0


def test_an_end_waits_for_what_is_being_sent_and_takes_nothing_more(world: World):
    number, client = world.client()
    ending = threading.Thread(target=world.sender.finish, args=(20,))
    ending.start()
    assert read(client) == BODY
    ending.join(20)
    assert (ending.is_alive(), world.done, senders()) == (False, {number: True}, 0)
    late, _ = world.client()
    assert world.done[late] is False
    world.sender.finish(0)


def test_an_end_waits_no_longer_than_it_may(world: World):
    number, client = world.client()
    world.sender.finish(0.01)
    assert world.done == {}
    client.close()
    until("it is done", lambda: world.done == {number: False})


def test_where_no_thread_can_be_had_that_client_alone_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch):
    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        lost, _ = world.client()
    assert (world.done, world.budget.used) == ({lost: False}, 0)
    number, client = world.client()
    assert read(client) == BODY
    until("it is done", lambda: number in world.done)
    assert world.done[number] is True
