"""Running a plan with one of the drivers, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeAlias

from bench.load import Load, Plan
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
    given = {**asdict(plan), "requests": [request.decode("latin-1") for request in plan.requests]}
    done = subprocess.run(
        [sys.executable, "-m", "bench.own_driver"],
        input=json.dumps(given),
        text=True,
        stdout=subprocess.PIPE,
        cwd=SCRIPTS,
        env=clean_environment(),
        timeout=plan.warmup_seconds + plan.seconds + _SPARE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NoDriver(f"the driver ended with status {done.returncode}; what it said is above")
    found = json.loads(done.stdout)
    found["latencies_ms"] = tuple(found["latencies_ms"])
    return Load(**found)
