"""Beside: the cost of changes while other work runs, compared with the same changes alone.

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
from drills.copied import copied
from drills.subject import Conditions, Subject, goodput, subject

CONNECTIONS = 16
WIDE = "wide-sku"
_NEVER = "1000000000"


@dataclass(frozen=True, slots=True)
class Case:
    """Some work. ``settings`` are those of both servers, ``working`` has it done; ``most`` bounds the ratio of p99.

    :ivar skus: how many there are to work on, if not as many as elsewhere.
    :ivar asked: a path whose answers are the work: it is asked for again and again, by so many ``askers``.
    :ivar refusable: whether a 503 is a right answer to it.
    :ivar stores: of so many stores a SKU is made first, which ``asked`` may name: ``WIDE``.
    :ivar counted: the metric that shows that the work was done; without one it shows in the rates.
    :ivar followed: whether the work is a continuous copy of the data folder.
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
    askers: int = 1
    refusable: bool = False
    stores: int = 0
    followed: bool = False


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
    "large-reads": Case(
        "16 readers of a SKU in 100,000 stores",
        {"RATE_LIMIT_RPS": "0", "SNAPSHOT_EVERY_N_EVENTS": _NEVER},
        {},
        15.0,
        asked=f"/inventory/{WIDE}",
        at_least_seconds=10.0,
        askers=16,
        refusable=True,
        stores=100_000,
    ),
    "follower": Case("a continuous copy", {"RATE_LIMIT_RPS": "0"}, {}, 2.0, followed=True),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One round. ``wrong`` is what either server said against what it had confirmed; ``done`` what was counted.

    :ivar lag_ms: how far a continuous copy was behind at most.
    """

    usual: Load
    beside: Load
    wrong: Sequence[str]
    done: int = 0
    lag_ms: int = 0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        loads = {"usual": asdict(self.usual), "beside": asdict(self.beside)}
        for load in loads.values():
            load.pop("confirmed")
        return {**loads, "wrong": list(self.wrong), "done": self.done, "lagMs": self.lag_ms}


def pairs(conditions: Conditions, case: Case) -> Iterator[Pair]:
    """Run each round; every second one begins with the server that has more to do."""
    for number in range(conditions.rounds):
        order = (_usual(case), case)
        found = [_driven(conditions, each, number) for each in (order[::-1] if number % 2 else order)]
        (usual, first, _, _), (beside, second, done, lag) = reversed(found) if number % 2 else found
        yield Pair(usual, beside, [*first, *second], done, lag)


def _usual(case: Case) -> Case:
    return replace(case, working={}, asked=None, counted=None, followed=False)


def _driven(conditions: Conditions, case: Case, number: int) -> tuple[Load, list[str], int, int]:
    with subject(conditions, {**case.settings, **case.working}) as under_test:
        under_test.widen(WIDE, case.stores)
        follower = copied(under_test.server.data_dir, is_wanted=case.followed)
        with asking(under_test, case) as answers, follower as copy:
            load = drive_with_our_own(under_test.plan(conditions, conditions.connections, seed=number))
        under_test.loads.append(load)
        done = answers.count(200) if case.counted is None else under_test.metric(case.counted)
        done = copy.events if case.followed else done
        right = (200, 503) if case.refusable else (200,)
        wrong = [f"{case.asked}: {status}" for status in answers if status not in right]
        return load, [*wrong, *under_test.contradictions()], done, copy.worst_lag_ms


@contextmanager
def asking(under_test: Subject, case: Case) -> Iterator[list[int]]:
    """Ask for the case's path again and again inside the ``with`` block; gives the statuses, complete at its end.

    An audit that finds drift counts as 500.
    """
    statuses: list[int] = []
    stop = threading.Event()

    def ask(asked: str) -> None:
        while not stop.is_set():
            statuses.append(under_test.status_of(asked))

    askers = 0 if case.asked is None else case.askers
    threads = [threading.Thread(target=ask, args=[case.asked]) for _ in range(askers)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def verdict(rounds: Sequence[Pair], case: Case) -> list[Bound]:
    """Hold the medians of the rounds to the bounds; ratios are taken within a round."""
    failed = sum(sum(load.errors.values()) for one in rounds for load in (one.usual, one.beside))
    slower = median(one.beside.latencies_ms[1] / one.usual.latencies_ms[1] for one in rounds)
    slower_p50 = median(one.beside.latencies_ms[0] / one.usual.latencies_ms[0] for one in rounds)
    work = "events copied" if case.followed else case.counted or case.asked
    rate = median(goodput(one.beside) / goodput(one.usual) for one in rounds) if case.followed else 0.0
    followed = [
        Bound("changes a second, of those without", rate, 0.9, at_least=True),
        Bound("lag of the copy at its highest", max(one.lag_ms for one in rounds), 1000, "ms"),
    ]
    counted = (
        []
        if work is None
        else [Bound(f"{work} in the round that had fewest", min(one.done for one in rounds), 1, at_least=True)]
    )
    return [
        Bound(f"p99 of changes beside {case.what}, times that without", slower, case.most),
        *([Bound("p50 of changes, times that without", slower_p50, case.most)] if case.askers > 1 else []),
        Bound("answers other than 200", failed, 0),
        Bound("contradictions between answers, stock and log", sum(len(one.wrong) for one in rounds), 0),
        *counted,
        *(followed if case.followed else []),
    ]


def line(one: Pair) -> str:
    """How a round went."""
    usual, beside = (
        f"{goodput(load):,.0f}/s p50 {load.latencies_ms[0]:.1f} ms p99 {load.latencies_ms[1]:.1f} ms"
        for load in (one.usual, one.beside)
    )
    return f"usual {usual} | beside it {beside}" + (f" | lag at most {one.lag_ms} ms" if one.lag_ms else "")
