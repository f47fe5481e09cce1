"""Clients in processes of their own, that mix all kinds of requests to several servers and record the answers."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from random import Random
from typing import Any, NamedTuple

from support.client import Client
from support.history import Operation, Told
from support.noted_requests import STORES, Request, send
from support.parallel import run_parallel
from support.running_server import RunningServer
from support.waiting import until

HOT, COLD = [f"hot-{number}" for number in range(3)], [f"cold-{number}" for number in range(200)]
_KINDS: dict[Any, int] = {"adjust": 6, "reserve": 3, "count": 2, "record": 4, "view": 2, "central": 1, "again": 1}
_PROCESSES, _THREADS = 2, 8
_LATELY = 50
_TURNS_ON_A_CONNECTION = 64


class Recording(NamedTuple):
    """What was noted, and how many requests were sent, by what was asked and answered."""

    history: list[Operation]
    counts: Counter[str]


def record(servers: Sequence[RunningServer], requests: int, meanwhile: Callable[[], object] | None = None) -> Recording:
    """Have 16 clients send so many requests, each of them every second one to the other server.

    :param meanwhile: called again and again while they are at it.
    """
    ports = [server.port for server in servers]
    parts = [(ports, requests // _PROCESSES, number) for number in range(_PROCESSES)]
    # Whatever happens here, behind the block they have ended.
    with get_context("spawn").Pool(_PROCESSES) as pool:
        at_work = pool.starmap_async(_record_part, parts)
        while meanwhile is not None and not at_work.ready():
            meanwhile()
        recordings = at_work.get()
    last = Recorder(ports, _PROCESSES)
    last.read_all()
    counts = sum((part.counts for part in recordings), last.counts)
    return Recording([*(one for part in recordings for one in part.history), *last.history], counts)


def _record_part(ports: Sequence[int], requests: int, number: int) -> Recording:
    recorder = Recorder(ports, number)
    threads = [partial(recorder.operate, thread, requests // _THREADS) for thread in range(_THREADS)]
    run_parallel(threads, at_once=_THREADS)
    return Recording(recorder.history, recorder.counts)


class Recorder:
    """The clients of one process."""

    def __init__(self, ports: Sequence[int], number: int) -> None:
        self.history: list[Operation] = []
        self.counts: Counter[str] = Counter()
        self._ports, self._number = ports, number
        self._told: dict[str, Told] = {}
        self._one_has_failed = False
        # Also what is not answered yet: a key is to be met twice at the same time.
        self._lately: deque[Request] = deque(maxlen=_LATELY)

    def operate(self, thread: int, requests: int) -> None:
        """Send so many requests, one after the other."""
        name = f"{self._number}-{thread}"
        random = Random(name)
        clients = [Client(port) for port in self._ports]
        changed: str | None = None
        done = False
        try:
            for turn in range(requests):
                if self._one_has_failed:
                    break
                if turn % _TURNS_ON_A_CONNECTION == 0:
                    # The next one may be with another worker.
                    random.choice(clients).close()
                request = self._choose(random, changed, f"{name}-{turn}")
                self._send(clients, thread + turn, request)
                changed = request.operation.item if request.operation.kind != "read" else None
            done = True
        finally:
            self._one_has_failed |= not done
            for client in clients:
                client.close()

    def read_all(self) -> None:
        """Read every record from each server."""
        for port in self._ports:
            with Client(port) as client:
                for sku in HOT + COLD:
                    for store in STORES:
                        self._send([client], 0, Request("record", Operation("read", f"{store}/{sku}", 0, 0)))

    def _choose(self, random: Random, changed: str | None, name: str) -> Request:
        how = random.choices(list(_KINDS), list(_KINDS.values()))[0]
        sku = random.choice(HOT) if random.random() < 0.9 else random.choice(COLD)
        item = f"{random.choice(STORES)}/{sku}"
        if changed is not None and random.random() < 0.5:
            # On the other server, at once: nothing is more likely to be stale.
            how, item = random.choice(("record", "view")), changed
        if how == "again":
            return random.choice(self._lately) if self._lately else Request("record", Operation("read", item, 0, 0))
        if how in ("record", "view", "central"):
            return Request(how, Operation("read", item, 0, 0))
        told = self._told.get(item, Told())
        amount = {"adjust": random.choice((-4, -3, -2, -1, 1, 2, 3)), "reserve": random.randint(1, 2)}.get(
            how, max(0, (told.reserved or 0) + random.randint(-1, 12))
        )
        expected = told.version if told.version and random.random() < 0.25 else None
        key = f"key-{name}" if random.random() < 0.4 else None
        request = Request(how, Operation(how, item, 0, 0, amount=amount, expected=expected, key=key))
        if key is not None:
            self._lately.append(request)
        return request

    def _send(self, clients: Sequence[Client], turn: int, request: Request) -> None:
        """Send one request; what has a key again and again, on the one server and the other, until it is settled."""
        if request.operation.key is None:
            self._try(clients[turn % len(clients)], request)
            return
        turns = iter(range(turn, turn + 1_000_000))
        until(
            f"an answer to {request}",
            lambda: self._try(clients[next(turns) % len(clients)], request),
            pause=0.02,
        )

    def _try(self, client: Client, request: Request) -> bool:
        noted = send(client, request)
        self.counts[f"{request.how} {noted.status} {noted.code}".rstrip()] += 1
        for one in noted.operations:
            self.history.append(one)
            if one.outcome == "done" and one.told.version:
                self._told[one.item] = one.told
        return noted.is_settled
