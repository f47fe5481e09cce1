"""scripts/bench: all servers are up during the entire run; a check sees every confirmed change."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bench import rounds
from bench.contestants import Contestant
from bench.load import Load, Plan
from bench.rounds import Conditions, Run, Standing, run_all
from bench.server import Server
from bench.traffic import adjusting

CONDITIONS = Conditions(1, 0.5, 3, 64, 2, 16, 10, Path("nowhere"))
SERVER = Server(1, Path("nowhere"), [1, 2])
LOAD = Load(100, 1.0, (1.0, 2.0, 3.0), {}, [100], 100, 0, 0.1, 0.5)


def contestant(name: str, *checks) -> Contestant:
    return Contestant(name, name, "app", adjusting, checks)


class Noting:
    """Servers that are not there, and what happened to them in turn."""

    def __init__(self) -> None:
        self.happened: list[str] = []

    @contextmanager
    def standing(self, one: Contestant, conditions: Conditions) -> Iterator["Noting.One"]:
        self.happened.append(f"start {one.name}")
        yield self.One(one.name, self.happened)
        self.happened.append(f"stop {one.name}")

    class One:
        def __init__(self, name: str, happened: list[str]) -> None:
            self.name, self.happened = name, happened

        def drive(self, number: int, conditions: Conditions, drive: object) -> Run:
            self.happened.append(self.name)
            return Run(self.name, number, LOAD, [])

        def checked(self, run: Run) -> Run:
            self.happened.append(f"check {self.name}")
            return replace(run, problems=["checked"])


def test_all_start_first_and_each_round_is_checked_at_its_end(monkeypatch: pytest.MonkeyPatch):
    noting, told = Noting(), []
    monkeypatch.setattr(rounds, "standing", noting.standing)

    runs = run_all([contestant(name) for name in "abc"], CONDITIONS, lambda plan: LOAD, told.append)

    orders = ["".join(run.contestant for run in told[begin : begin + 3]) for begin in (0, 3, 6)]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    rounds_made = [what for order in orders for what in (*order, *(f"check {name}" for name in "abc"))]
    starts, stops = [f"start {name}" for name in "abc"], [f"stop {name}" for name in "cba"]
    assert noting.happened == [*starts, *rounds_made, *stops]
    assert [(run.contestant, run.round) for run in runs] == [(name, number) for number in range(3) for name in "abc"]
    assert all(run.problems == ["checked"] for run in runs)
    assert not any(run.problems for run in told)


def test_no_contestant_has_the_same_place_in_all_rounds_and_a_second_run_has_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
):
    noting, many = Noting(), replace(CONDITIONS, rounds=15)
    monkeypatch.setattr(rounds, "standing", noting.standing)

    once, again = [], []
    run_all([contestant(name) for name in "abcd"], many, lambda plan: LOAD, lambda run: once.append(run.contestant))
    run_all([contestant(name) for name in "abcd"], many, lambda plan: LOAD, lambda run: again.append(run.contestant))

    assert once == again
    places = Counter((name, place % 4) for place, name in enumerate(once))
    assert len(places) == 16
    assert max(places.values()) <= 7


def test_each_check_sees_the_loads_of_all_rounds_so_far():
    seen = []

    def check(port: int, data_dir: Path, traffic: object, loads: list[Load]) -> list[str]:
        seen.append(len(loads))
        return ["something is wrong"] if len(loads) == 2 else []

    standing = Standing(contestant("a", check), SERVER, (), adjusting(10))
    runs = [standing.checked(standing.drive(number, CONDITIONS, lambda plan: LOAD)) for number in range(3)]

    assert seen == [1, 2, 3]
    assert [run.problems for run in runs] == [[], ["something is wrong"], []]


def test_what_failed_while_it_was_driven_stays_beside_what_the_check_finds():
    broken = Load(0, 1.0, (1.0, 2.0, 3.0), {"status 500": 2}, [100], 0, 0, 0.1, 0.5)
    standing = Standing(contestant("a", lambda *_: ["wrong"]), SERVER, (), adjusting(10))

    run = standing.checked(standing.drive(0, CONDITIONS, lambda plan: broken))

    assert run.problems == ["2 × status 500", "nothing was answered", "wrong"]


def test_each_round_draws_its_own_requests():
    """The same draws again would meet the same SKUs in the same order."""
    seeds = []

    def drive(plan: Plan) -> Load:
        seeds.append(plan.seed)
        return LOAD

    standing = Standing(contestant("a"), SERVER, (), adjusting(10))
    for number in range(3):
        standing.drive(number, CONDITIONS, drive)

    assert seeds == [0, 1, 2]
