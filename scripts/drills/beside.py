"""Beside: what changes cost while other work goes on, beside the same without that work.

Two servers in turn, alike but for the settings that have the work done.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.driving import drive_with_our_own
from bench.load import Load

from drills.bounds import Bound
from drills.subject import Conditions, goodput, subject

CONNECTIONS = 16
_NEVER = "1000000000"


@dataclass(frozen=True, slots=True)
class Case:
    """Some work. ``settings`` are those of both servers, ``working`` has it done; ``most`` bounds the ratio of p99.

    :ivar skus: how many there are to work on, if not as many as elsewhere.
    :ivar counted: the metric that shows that the work was done; without one it shows in the rates.
    :ivar at_least_seconds: shorter rounds would show too little of it.
    """

    what: str
    settings: Mapping[str, str]
    working: Mapping[str, str]
    most: float
    skus: int | None = None
    counted: str | None = None
    at_least_seconds: float = 0.0


CASES = {
    "slow-sync": Case(
        "a slow sync",
        {"SYNC_INTERVAL_MS": "100", "RATE_LIMIT_RPS": "0"},
        {"FAILPOINTS": "in-publish=delay:500"},
        1.5,
    ),
    "upkeep": Case(
        "snapshots, compaction and publishing",
        {"RATE_LIMIT_RPS": "0", "SYNC_INTERVAL_MS": "3600000", "SNAPSHOT_EVERY_N_EVENTS": _NEVER},
        {"SYNC_INTERVAL_MS": "1000", "SNAPSHOT_EVERY_N_EVENTS": "1000", "SEGMENT_BYTES": "262144"},
        2.0,
        100_000,
        "snapshots",
        # One of 100,000 records takes seconds.
        10.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One round. ``wrong`` is what either server said against what it had confirmed; ``done`` what was counted."""

    usual: Load
    beside: Load
    wrong: Sequence[str]
    done: int = 0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        loads = {"usual": asdict(self.usual), "beside": asdict(self.beside)}
        for load in loads.values():
            load.pop("confirmed")
        return {**loads, "wrong": list(self.wrong), "done": self.done}


def pairs(conditions: Conditions, case: Case) -> Iterator[Pair]:
    """Run each round; every second one begins with the server that has more to do."""
    for number in range(conditions.rounds):
        order = (case.settings, {**case.settings, **case.working})
        found = [
            _driven(conditions, environment, number, case.counted)
            for environment in (order[::-1] if number % 2 else order)
        ]
        (usual, first, _), (beside, second, done) = reversed(found) if number % 2 else found
        yield Pair(usual, beside, [*first, *second], done)


def _driven(
    conditions: Conditions, environment: Mapping[str, str], number: int, counted: str | None
) -> tuple[Load, list[str], int]:
    with subject(conditions, environment) as under_test:
        load = drive_with_our_own(under_test.plan(conditions, conditions.connections, seed=number))
        under_test.loads.append(load)
        done = 0 if counted is None else under_test.metric(counted)
        return load, under_test.contradictions(), done


def verdict(rounds: Sequence[Pair], case: Case) -> list[Bound]:
    """Hold the medians of the rounds to the bounds; ratios are taken within a round."""
    failed = sum(sum(load.errors.values()) for one in rounds for load in (one.usual, one.beside))
    slower = median(one.beside.latencies_ms[1] / one.usual.latencies_ms[1] for one in rounds)
    counted = (
        []
        if case.counted is None
        else [Bound(f"{case.counted} in the round that had fewest", min(one.done for one in rounds), 1, at_least=True)]
    )
    return [
        Bound(f"p99 of changes beside {case.what}, times that without", slower, case.most),
        Bound("answers other than 200", failed, 0),
        Bound("contradictions between answers, stock and log", sum(len(one.wrong) for one in rounds), 0),
        *counted,
    ]


def line(one: Pair) -> str:
    """How a round went."""
    usual, beside = (f"{goodput(load):,.0f}/s p99 {load.latencies_ms[1]:.1f} ms" for load in (one.usual, one.beside))
    return f"usual {usual} | beside it {beside}"
