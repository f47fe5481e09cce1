"""Opening the driver's connections, as many to one worker as to the next.

Workers accept from one queue, first come first served: of 64 connections 61 were seen to land on one of
two workers, and then half the machine idles. That is luck, not the thing measured; so connections that
landed where enough are already are closed and opened again, each time from another core: the worker that
is tied to the core from which they come is the slower to accept.
"""

import os
import socket
import time
from collections.abc import Iterator
from itertools import cycle, islice

from bench.load import Plan
from bench.procfs import owners

_TRIES = 60
_PAUSE_SECONDS = 0.005
_ACCEPT_SECONDS = 2.0


def opened(plan: Plan) -> list[socket.socket]:
    """Open the connections; if they are to be even, spread over ``pids`` as far as 60 attempts go.

    :raises OSError: the server does not take them.
    """
    if not (plan.pids and plan.evenly):
        return [_connect(plan.port) for _ in range(plan.connections)]
    cores = os.sched_getaffinity(0)
    try:
        return _spread(plan, islice(cycle(sorted(cores)), _TRIES))
    finally:
        os.sched_setaffinity(0, cores)


def _spread(plan: Plan, cores: Iterator[int]) -> list[socket.socket]:
    share = -(-plan.connections // len(plan.pids))
    kept: dict[int, list[socket.socket]] = {pid: [] for pid in plan.pids}
    spare: list[socket.socket] = []
    for core in cores:
        os.sched_setaffinity(0, {core})
        fresh = [_connect(plan.port) for _ in range(plan.connections - sum(map(len, kept.values())))]
        found = _owners_of(plan, fresh)
        for connection in spare:
            connection.close()
        spare = []
        for connection in fresh:
            owner = found.get(connection.getsockname()[1])
            room = owner is not None and len(kept[owner]) < share
            (kept[owner] if owner is not None and room else spare).append(connection)
        if not spare:
            break
    return [connection for connections in kept.values() for connection in connections] + spare


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _owners_of(plan: Plan, connections: list[socket.socket]) -> dict[int, int]:
    """The worker of each connection, by the connection's own port, once all are accepted."""
    wanted = {connection.getsockname()[1] for connection in connections}
    end = time.monotonic() + _ACCEPT_SECONDS
    while True:
        found = owners(plan.pids, plan.port)
        if wanted <= found.keys() or time.monotonic() > end:
            return found
        time.sleep(_PAUSE_SECONDS)
