"""Beside: what changes cost while other work goes on, beside the same without that work.

Two servers in turn, alike but for the settings that have the work done.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from bench.driving import drive_with_our_own
from bench.load import Load

from drills.bounds import Bound
from drills.subject import Conditions, Subject, goodput, subject

CONNECTIONS = 16
_NEVER = "1000000000"


@dataclass(frozen=True, slots=True)
class Case:
    """Some work. ``settings`` are those of both servers, ``working`` has it done; ``most`` bounds the ratio of p99.

    :ivar skus: how many there are to work on, if not as many as elsewhere.
    :ivar asked: a path whose answers are the work: it is asked for again and again.
    :ivar counted: the metric that shows that the work was done; without one it shows in the rates.
    :ivar at_least_seconds: shorter rounds would show too little of it.
    """

    what: str
    settings: Mapping[str, str]
    working: Mapping[str, str]
    most: float
    skus: int | None = None
    asked: str | None = None
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
        counted="snapshots",
        # One of 100,000 records takes seconds.
        at_least_seconds=10.0,
    ),
    "audit": Case(
        "audits, one after the other",
        {"RATE_LIMIT_RPS": "0", "SNAPSHOT_EVERY_N_EVENTS": _NEVER},
        {},
        2.0,
        100_000,
        "/audit/verify",
        at_least_seconds=20.0,
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
        order = (_usual(case), case)
        found = [_driven(conditions, each, number) for each in (order[::-1] if number % 2 else order)]
        (usual, first, _), (beside, second, done) = reversed(found) if number % 2 else found
        yield Pair(usual, beside, [*first, *second], done)


def _usual(case: Case) -> Case:
    return replace(case, working={}, asked=None, counted=None)


def _driven(conditions: Conditions, case: Case, number: int) -> tuple[Load, list[str], int]:
    with subject(conditions, {**case.settings, **case.working}) as under_test:
        with asking(under_test, case.asked) as answers:
            load = drive_with_our_own(under_test.plan(conditions, conditions.connections, seed=number))
        under_test.loads.append(load)
        done = len(answers) if case.counted is None else under_test.metric(case.counted)
        wrong = [f"{case.asked}: {answer}" for answer in answers if not answer.get("ok")]
        return load, [*wrong, *under_test.contradictions()], done


@contextmanager
def asking(under_test: Subject, path: str | None) -> Iterator[list[dict[str, Any]]]:
    """Ask for a path again and again inside the ``with`` block; gives the answers, complete at its end."""
    answers: list[dict[str, Any]] = []
    stop = threading.Event()

    def ask(asked: str) -> None:
        while not stop.is_set():
            answers.append(under_test.ask(asked))

    if path is None:
        yield answers
        return
    thread = threading.Thread(target=ask, args=[path])
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def verdict(rounds: Sequence[Pair], case: Case) -> list[Bound]:
    """Hold the medians of the rounds to the bounds; ratios are taken within a round."""
    failed = sum(sum(load.errors.values()) for one in rounds for load in (one.usual, one.beside))
    slower = median(one.beside.latencies_ms[1] / one.usual.latencies_ms[1] for one in rounds)
    work = case.counted or case.asked
    counted = (
        []
        if work is None
        else [Bound(f"{work} in the round that had fewest", min(one.done for one in rounds), 1, at_least=True)]
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
