"""Flood: many times the connections that saturate the server, each asking again the moment it is answered.

No client heeds ``Retry-After`` here: a refused client asks again at once, which is the worst that clients do.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.driving import drive_together, drive_with_our_own
from bench.load import Answers, Load, Plan

from drills.bounds import Bound
from drills.subject import NONE, Conditions, Subject, accepted, goodput

REFUSED = ("429", "503")
_HEALTH = (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",)
_HEALTH_PAUSE_SECONDS = 0.02
_SETTLE_SECONDS = 1.0
_FIGURES = ("p50", "p95", "p99", "longest")
_SATURATED = 0.9
_STEPS = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Round:
    """The same server without the flood, and with it. :ivar memory: MiB that its workers held after the flood."""

    unloaded: Load
    flooded: Load
    health: Answers
    memory: float

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        loads = {"unloaded": asdict(self.unloaded), "flooded": asdict(self.flooded)}
        for load in loads.values():
            load.pop("confirmed")
        return {**loads, "health": asdict(self.health), "memoryMiB": self.memory}


def saturating(subject: Subject, conditions: Conditions, report: Callable[[str], None]) -> int:
    """The fewest connections with which the server does nine tenths of the most it does with any number."""
    rates = {}
    for connections in _STEPS:
        load = drive_with_our_own(subject.plan(conditions, connections))
        subject.loads.append(load)
        rates[connections] = goodput(load)
        report(f"{connections:3} connections: {rates[connections]:,.0f} changes a second")
    return next(many for many in _STEPS if rates[many] >= _SATURATED * max(rates.values()))


def warm(subject: Subject, conditions: Conditions, times: int) -> list[str]:
    """Give each worker, once and unmeasured, as many connections as a flood could ever give it; tell what went wrong.

    What a worker keeps of its highest peak is no growth, and the shares of a flood are uneven: the peak might come
    in any round.
    """
    load = drive_with_our_own(subject.plan(conditions, conditions.connections * times * conditions.workers))
    subject.loads.append(load)
    return [f"{count} × {kind} before the first round" for kind, count in unexpected(load).items()]


def flood_once(subject: Subject, conditions: Conditions, times: int, number: int, *, evenly: bool) -> Round:
    """Measure without, then with the flood, while a probe asks for the health on a connection to each worker."""
    unloaded = drive_with_our_own(subject.plan(conditions, conditions.connections, seed=number))
    flood = subject.plan(conditions, conditions.connections * times, evenly=evenly, seed=number)
    flooded, health = drive_together([flood, _probe(subject, conditions)])
    subject.loads += [unloaded, flooded]
    return Round(unloaded, flooded, health.by_status.get("200", NONE), subject.memory())


def _probe(subject: Subject, conditions: Conditions) -> Plan:
    """Health, within the time in which the flood is measured: it is slower to open its connections."""
    return Plan(
        subject.server.port,
        _HEALTH,
        conditions.workers,
        conditions.warmup_seconds + _SETTLE_SECONDS,
        max(conditions.seconds - _SETTLE_SECONDS, _SETTLE_SECONDS),
        pids=subject.server.workers,
        pause_seconds=_HEALTH_PAUSE_SECONDS,
    )


def refusals(load: Load) -> Answers:
    """The refusals, the slower kind's figures if there are two kinds."""
    found = [load.by_status[status] for status in REFUSED if status in load.by_status]
    if not found:
        return NONE
    return Answers(sum(one.count for one in found), *(max(getattr(one, name) for one in found) for name in _FIGURES))


def unexpected(load: Load) -> dict[str, int]:
    """What is neither a confirmation nor a refusal that says when to come back, and how often it came."""
    regular = {f"HTTP/1.1 {status}" for status in REFUSED}
    return {kind: count for kind, count in load.errors.items() if kind not in regular}


def verdict(rounds: Sequence[Round], wrong: Sequence[str]) -> list[Bound]:
    """Hold the medians of the rounds to the bounds; ratios are taken within a round."""
    ratio = median(_divided(goodput(one.flooded), goodput(one.unloaded)) for one in rounds)
    slower = median(_divided(accepted(one.flooded).p99, accepted(one.unloaded).p99) for one in rounds)
    return [
        Bound("goodput, of that without the flood", ratio, 0.5, at_least=True),
        Bound("p99 of accepted changes, times that without", slower, 5),
        Bound("p99 of refusals", median(refusals(one.flooded).p99 for one in rounds), 250, "ms"),
        Bound(
            "p95 of health", median(one.health.p95 if one.health.count else float("inf") for one in rounds), 250, "ms"
        ),
        Bound("memory, last round less first", rounds[-1].memory - rounds[0].memory, 8, "MiB"),
        Bound("answers other than 200, or 429 and 503 with Retry-After", sum(map(_unexpected_in, rounds)), 0),
        Bound("contradictions between answers, stock and log", len(wrong), 0),
    ]


def _unexpected_in(one: Round) -> int:
    return sum(unexpected(one.unloaded).values()) + sum(unexpected(one.flooded).values())


def _divided(value: float, by: float) -> float:
    """Not a number, which meets no bound, where nothing was measured."""
    return value / by if value and by else float("nan")


def line(one: Round) -> str:
    """How a round went."""
    refused, spread = refusals(one.flooded), "/".join(map(str, one.flooded.connections_of))
    return (
        f"unloaded {goodput(one.unloaded):,.0f}/s p99 {accepted(one.unloaded).p99:.1f} ms"
        f" | flood {goodput(one.flooded):,.0f}/s p99 {accepted(one.flooded).p99:.1f} ms,"
        f" {refused.count / one.flooded.seconds:,.0f} refused/s p99 {refused.p99:.1f} ms,"
        f" health p95 {one.health.p95:.1f} ms, {one.memory:.1f} MiB, connections {spread}"
    )
