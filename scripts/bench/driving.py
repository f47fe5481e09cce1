"""Run a plan with one of the drivers, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from threading import Timer
from typing import TypeAlias

from bench.load import Answers, Load, Plan
from bench.server import SCRIPTS, clean_environment
from bench.wrk_driver import drive_with_wrk

Drive: TypeAlias = Callable[[Plan], Load]
CHOICES = ("auto", "own", "wrk")
_SPARE_SECONDS = 60


class NoDriver(Exception):
    """The driver that was asked for is not there, or broke."""


def chosen_driver(name: str) -> tuple[str, Drive]:
    """The driver of that name; ``auto`` is wrk where it is installed.

    :raises NoDriver: wrk was asked for and is not.
    """
    has_wrk = shutil.which("wrk") is not None
    if name == "wrk" and not has_wrk:
        raise NoDriver("wrk is not installed; --driver own needs nothing")
    return ("wrk", drive_with_wrk) if has_wrk and name != "own" else ("own", drive_with_our_own)


def drive_with_our_own(plan: Plan) -> Load:
    """Run a plan with ``own_driver``. :raises NoDriver: it broke."""
    return drive_together([plan])[0]


def drive_together(plans: Sequence[Plan]) -> list[Load]:
    """Run plans at the same time, each with an ``own_driver``. None of them is left when this ends.

    :raises NoDriver: one of them broke.
    """
    with ExitStack() as stack:
        drivers = [stack.enter_context(_driver()) for _ in plans]
        for driver, plan in zip(drivers, plans, strict=True):
            given = {**asdict(plan), "requests": [request.decode("latin-1") for request in plan.requests]}
            assert driver.stdin is not None
            driver.stdin.write(json.dumps(given))
            driver.stdin.close()
        return [_load_of(driver, plan) for driver, plan in zip(drivers, plans, strict=True)]


@contextmanager
def _driver() -> Iterator["subprocess.Popen[str]"]:
    driver = subprocess.Popen(
        [sys.executable, "-m", "bench.own_driver"],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=SCRIPTS,
        env=clean_environment(),
    )
    with driver:
        try:
            yield driver
        finally:
            driver.kill()


def _load_of(driver: "subprocess.Popen[str]", plan: Plan) -> Load:
    assert driver.stdout is not None
    timer = Timer(plan.warmup_seconds + plan.seconds + _SPARE_SECONDS, driver.kill)
    timer.start()
    try:
        said = driver.stdout.read()
        status = driver.wait()
    finally:
        timer.cancel()
    if status:
        raise NoDriver(f"the driver ended with status {status}; what it said is above")
    found = json.loads(said)
    found["latencies_ms"] = tuple(found["latencies_ms"])
    found["by_status"] = {status: Answers(**figures) for status, figures in found["by_status"].items()}
    return Load(**found)
