"""With real workers, new connections go to the workers that have fewer, as long as those run."""

import os
from contextlib import ExitStack
from pathlib import Path

from support.client import Client
from support.processes import frozen
from support.running_server import RunningServer


def sockets(worker: int) -> int:
    links = [Path(f"/proc/{worker}/fd/{number}") for number in os.listdir(f"/proc/{worker}/fd")]
    return sum(os.readlink(link).startswith("socket:") for link in links if link.is_symlink())


def connected(stack: ExitStack, server: RunningServer, number: int) -> list[Client]:
    """So many clients, which connect first and are then answered."""
    clients = [stack.enter_context(server.client()) for _ in range(number)]
    for client in clients:
        client.connect()
    for client in clients:
        assert client.get("/health").status == 200
    return clients


def test_where_one_worker_has_more_the_next_connections_go_to_the_other(server: RunningServer) -> None:
    full, other = server.workers()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.client_of(full))
        # It stood still meanwhile, and is known to be there again when it has answered.
        stack.enter_context(server.client_of(other))
        before = sockets(other)
        connected(stack, server, 40)
        # 30 would be its share; the full worker may take one in each 10 ms in which the other does not run.
        assert sockets(other) - before >= 16
        assert server.get("/metrics")["acceptsDeferred"] > 0


def test_where_the_worker_with_fewer_stands_still_the_other_accepts_all(server: RunningServer) -> None:
    full, other = server.workers()
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(server.client_of(full))
        with frozen(other):
            connected(stack, server, 32)
