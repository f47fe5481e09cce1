"""A driver of our own, in a process of its own: ``python -m bench.own_driver``, a plan in, a load out, as JSON.

One thread, raw sockets that are kept alive, one epoll loop, no more parsing than it takes to find an
answer's end: about 20 µs for a request, so it could ask some 40,000 times a second.
"""

import gc
import json
import random
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import asdict

from bench.answers import AnswerBroken, is_complete, is_success, kind_of
from bench.connections import opened
from bench.load import Answers, Load, Plan
from bench.procfs import owners, processor_seconds

_DRAIN_SECONDS = 10
_POLL_SECONDS = 0.05
_ORDER = 65_536
_RECEIVE = 65_536


class Driver:
    """Drives one plan. ``run`` may be called once."""

    def __init__(self, plan: Plan, sockets: list[socket.socket]) -> None:
        self._plan = plan
        self._requests = list(plan.requests)
        self._sockets = {connection.fileno(): connection for connection in sockets}
        self._poll = select.epoll()
        self._under_way: dict[int, tuple[int, int]] = {}
        self._halves: dict[int, bytes] = {}
        self._latencies: dict[str, list[int]] = {}
        self._resting: deque[tuple[int, int]] = deque()
        self._confirmed = [0] * len(self._requests)
        self._errors: dict[str, int] = {}
        self._order = self._make_order()
        self._next = 0

    def run(self) -> Load:
        """Warm up, measure, wait for what is under way."""
        for descriptor, connection in self._sockets.items():
            connection.setblocking(False)
            self._poll.register(descriptor, select.EPOLLIN)
        gc.disable()
        for descriptor in list(self._sockets):
            self._send(descriptor, time.perf_counter_ns())
        if self._plan.once:
            while self._under_way:
                self._turn(sending=True)
            return self._load(0.0, 0.0, 0.0)
        self._go_on(self._plan.warmup_seconds)
        self._latencies.clear()
        started, own, server = time.perf_counter(), time.process_time(), processor_seconds(self._plan.server_pids)
        self._go_on(self._plan.seconds)
        seconds = time.perf_counter() - started
        own, server = time.process_time() - own, processor_seconds(self._plan.server_pids) - server
        measured, self._latencies = self._latencies, {}
        self._drain()
        self._latencies = measured
        return self._load(seconds, own, server)

    def _make_order(self) -> list[int]:
        if self._plan.once:
            return list(range(len(self._requests)))
        return random.Random(self._plan.seed).choices(range(len(self._requests)), k=_ORDER)

    def _go_on(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and (self._under_way or self._resting):
            self._turn(sending=True)
            self._wake(time.perf_counter_ns())

    def _drain(self) -> None:
        end = time.perf_counter() + _DRAIN_SECONDS
        while self._under_way and time.perf_counter() < end:
            self._turn(sending=False)
        if self._under_way:
            self._errors["no answer"] = len(self._under_way)

    def _turn(self, *, sending: bool) -> None:
        """Take what has come, and send the next request for each complete answer."""
        ready = self._poll.poll(min(_POLL_SECONDS, self._plan.pause_seconds or _POLL_SECONDS))
        for descriptor, _ in ready:
            data = self._received(descriptor)
            if data is None:
                continue
            now = time.perf_counter_ns()
            index, since = self._under_way.pop(descriptor)
            self._latencies.setdefault(data[9:12].decode("latin-1"), []).append(now - since)
            if is_success(data):
                self._confirmed[index] += 1
            else:
                self._count_error(kind_of(data))
            if self._plan.pause_seconds:
                self._resting.append((now + int(self._plan.pause_seconds * 1e9), descriptor))
            elif sending:
                self._send(descriptor, now)

    def _wake(self, now: int) -> None:
        """Send from the connections that have rested; the pause is the same for all, so they wait in order."""
        while self._resting and self._resting[0][0] <= now:
            self._send(self._resting.popleft()[1], time.perf_counter_ns())

    def _received(self, descriptor: int) -> bytes | None:
        """The answer, if it is complete now."""
        try:
            data = self._sockets[descriptor].recv(_RECEIVE)
            if descriptor in self._halves:
                data = self._halves.pop(descriptor) + data if data else b""
            if not data:
                raise AnswerBroken("the server closed the connection")
            if is_complete(data):
                return data
        except (OSError, AnswerBroken) as error:
            self._give_up(descriptor, str(error))
            return None
        self._halves[descriptor] = data
        return None

    def _send(self, descriptor: int, now: int) -> None:
        if self._next >= len(self._order):
            if self._plan.once:
                return
            self._next = 0
        index = self._order[self._next]
        self._next += 1
        self._under_way[descriptor] = index, now
        try:
            self._sockets[descriptor].send(self._requests[index])
        except OSError as error:
            self._give_up(descriptor, str(error))

    def _give_up(self, descriptor: int, reason: str) -> None:
        self._count_error(reason)
        self._under_way.pop(descriptor, None)
        self._poll.unregister(descriptor)
        self._sockets.pop(descriptor).close()

    def _count_error(self, kind: str) -> None:
        self._errors[kind] = self._errors.get(kind, 0) + 1

    def _load(self, seconds: float, own: float, server: float) -> Load:
        everything = Answers.of([latency for latencies in self._latencies.values() for latency in latencies])
        return Load(
            requests=everything.count,
            seconds=seconds,
            latencies_ms=(everything.p50, everything.p99, everything.longest),
            errors=self._errors,
            confirmed=self._confirmed,
            confirmed_in_all=sum(self._confirmed),
            unanswered=len(self._under_way),
            driver_share=own / seconds if seconds else 0.0,
            server_seconds=server,
            connections_of=self._connections_of(),
            by_status={status: Answers.of(latencies) for status, latencies in self._latencies.items()},
        )

    def _connections_of(self) -> list[int]:
        found = list(owners(self._plan.pids, self._plan.port).values())
        return [found.count(pid) for pid in self._plan.pids]


def main() -> None:
    """Read a plan from standard input, write the load to standard output."""
    # Ctrl-C is for the benchmark, which ends this process; no trace of it here.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    given = json.load(sys.stdin)
    given["requests"] = [text.encode("latin-1") for text in given["requests"]]
    plan = Plan(**given)
    json.dump(asdict(Driver(plan, opened(plan)).run()), sys.stdout)


if __name__ == "__main__":
    main()
