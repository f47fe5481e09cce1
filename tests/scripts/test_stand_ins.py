"""scripts/stand_ins.py: the report of the runs, and which parts can be left out."""

import pytest
import stand_ins
from bench import left_out
from bench.load import Load
from bench.rounds import Run


def run(contestant: str, number: int, requests: int, server_seconds: float) -> Run:
    load = Load(requests, 1.0, (1.0, 1.0, 1.0), {}, None, requests, 0, 0.1, server_seconds)
    return Run(contestant, number, load, [])


def test_a_part_brings_what_servers_without_it_lack() -> None:
    runs = [
        run(name, number, requests, seconds)
        for number in range(3)
        for traffic in ("adjust", "read")
        for name, requests, seconds in [(traffic, 1000, 0.1), (f"{traffic} without poller", 800, 0.1)]
    ]
    _, line = stand_ins.table(runs, ["poller"])
    assert line.split() == ["poller", "1.25", "1.25", "1.25", "1.25"]


@pytest.mark.parametrize("name", left_out.LEFT_OUT)
def test_what_is_left_out_is_there_to_be_left_out(name: str) -> None:
    assert all(hasattr(place, attribute) for place, attribute, _ in left_out._INSTEAD[name])
