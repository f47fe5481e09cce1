"""Slow sync: what changes cost while publishing the views is held slow by a failpoint, beside the same without.

Two servers in turn, alike but for the failpoint, both with an interval so short that a pass is nearly always due.
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
INTERVAL = {"SYNC_INTERVAL_MS": "100", "RATE_LIMIT_RPS": "0"}
SLOW = {"FAILPOINTS": "in-publish=delay:500"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One round. ``wrong`` is what either server said against what it had confirmed."""

    usual: Load
    slowed: Load
    wrong: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        loads = {"usual": asdict(self.usual), "slowed": asdict(self.slowed)}
        for load in loads.values():
            load.pop("confirmed")
        return {**loads, "wrong": list(self.wrong)}


def pairs(conditions: Conditions) -> Iterator[Pair]:
    """Run each round; every second one begins with the slow sync."""
    for number in range(conditions.rounds):
        order = (INTERVAL, {**INTERVAL, **SLOW})
        found = [_driven(conditions, environment, number) for environment in (order[::-1] if number % 2 else order)]
        (usual, first), (slowed, second) = reversed(found) if number % 2 else found
        yield Pair(usual, slowed, [*first, *second])


def _driven(conditions: Conditions, environment: Mapping[str, str], number: int) -> tuple[Load, list[str]]:
    with subject(conditions, environment) as under_test:
        load = drive_with_our_own(under_test.plan(conditions, conditions.connections, seed=number))
        under_test.loads.append(load)
        return load, under_test.contradictions()


def verdict(rounds: Sequence[Pair]) -> list[Bound]:
    """Hold the medians of the rounds to the bounds; ratios are taken within a round."""
    failed = sum(sum(load.errors.values()) for one in rounds for load in (one.usual, one.slowed))
    slower = median(one.slowed.latencies_ms[1] / one.usual.latencies_ms[1] for one in rounds)
    return [
        Bound("p99 of changes, times that with a quick sync", slower, 1.5),
        Bound("answers other than 200", failed, 0),
        Bound("contradictions between answers, stock and log", sum(len(one.wrong) for one in rounds), 0),
    ]


def line(one: Pair) -> str:
    """How a round went."""
    usual, slowed = (f"{goodput(load):,.0f}/s p99 {load.latencies_ms[1]:.1f} ms" for load in (one.usual, one.slowed))
    return f"usual {usual} | slow sync {slowed}"
