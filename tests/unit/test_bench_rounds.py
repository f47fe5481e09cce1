"""scripts/bench: all servers stand for the whole run; a check sees everything that was ever confirmed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

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

        def run(self, number: int, conditions: Conditions, drive: object) -> Run:
            self.happened.append(self.name)
            return Run(self.name, number, LOAD, [])


def test_all_start_first_and_each_other_round_goes_the_other_way(monkeypatch: pytest.MonkeyPatch):
    noting, told = Noting(), []
    monkeypatch.setattr(rounds, "standing", noting.standing)

    runs = run_all([contestant("a"), contestant("b")], CONDITIONS, lambda plan: LOAD, told.append)

    assert noting.happened == [*("start a", "start b"), *"ab", *"ba", *"ab", *("stop b", "stop a")]
    assert [(run.contestant, run.round) for run in runs] == [
        *(("a", 0), ("b", 0)),
        *(("b", 1), ("a", 1)),
        *(("a", 2), ("b", 2)),
    ]
    assert told == runs


def test_each_check_sees_the_loads_of_all_rounds_so_far():
    seen = []

    def check(port: int, data_dir: Path, traffic: object, loads: list[Load]) -> list[str]:
        seen.append(len(loads))
        return ["something is wrong"] if len(loads) == 2 else []

    standing = Standing(contestant("a", check), SERVER, (), adjusting(10))
    runs = [standing.run(number, CONDITIONS, lambda plan: LOAD) for number in range(3)]

    assert seen == [1, 2, 3]
    assert [run.problems for run in runs] == [[], ["something is wrong"], []]


def test_each_round_draws_its_own_requests():
    """The same draws again would meet the same SKUs in the same order."""
    seeds = []

    def drive(plan: Plan) -> Load:
        seeds.append(plan.seed)
        return LOAD

    standing = Standing(contestant("a"), SERVER, (), adjusting(10))
    for number in range(3):
        standing.run(number, CONDITIONS, drive)

    assert seeds == [0, 1, 2]
