"""The cost of a long history: a server with a large log and one with an empty log, driven in turn."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.driving import Drive
from bench.load import Load, Plan
from bench.made_log import make_log
from bench.procfs import resident_bytes
from bench.rounds import Conditions
from bench.server import Server, clean_environment, running, wait_until_answering
from bench.traffic import START, Traffic, adjusting, sku_name

_SERVICE = "inventory.web.wsgi:app"
# Maintenance would change what is measured while it is measured; it has a drill of its own.
_NO_UPKEEP = {"SNAPSHOT_EVERY_N_EVENTS": "1000000000"}
_BOOT_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is before anything is measured."""

    records: int
    events: int

    def __str__(self) -> str:
        return f"{self.records:,} records, {self.events:,} events"


@dataclass(slots=True)
class Found:
    """One size, measured. Seconds of a boot are until every worker accepts, Python's own start included."""

    size: Size
    boot_seconds: float = 0.0
    empty_boot_seconds: float = 0.0
    snapshot_boot_seconds: float = 0.0
    bytes_per_record: float = 0.0
    rates: list[tuple[float, float]] = field(default_factory=list)
    p99s: list[tuple[float, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "size"}
        return {"records": self.size.records, "events": self.size.events, **told}


def measure(size: Size, conditions: Conditions, drive: Drive, say: Callable[[str], None]) -> Found:
    """Make the log, start on it, drive both servers in turn, and start once more from a snapshot."""
    found, traffic = Found(size), adjusting(conditions.skus)
    folder = conditions.folder / f"{size.records}-{size.events}"
    empty = Size(conditions.skus, conditions.skus)
    for each, name in ((empty, "empty"), (size, "large")):
        make_log(folder / name / "data", each.records, each.events, traffic.deltas, _telling(each, say))
    with (
        _started(folder / "empty", conditions) as (base, found.empty_boot_seconds),
        _started(folder / "large", conditions) as (large, found.boot_seconds),
    ):
        say(f"{size}: started in {found.boot_seconds:.1f} s, an empty one in {found.empty_boot_seconds:.1f} s")
        held = [sum(resident_bytes(server.workers)) / len(server.workers) for server in (large, base)]
        found.bytes_per_record = (held[0] - held[1]) / max(1, size.records - empty.records)
        loads: dict[int, list[Load]] = {base.port: [], large.port: []}
        for number in range(conditions.rounds):
            for server in (base, large) if number % 2 else (large, base):
                load = drive(_plan(server, traffic, conditions, number))
                loads[server.port].append(load)
                found.problems.extend(f"{count} × {kind}" for kind, count in load.errors.items())
            ours, theirs = loads[large.port][-1], loads[base.port][-1]
            found.rates.append((ours.rate, theirs.rate))
            found.p99s.append((ours.latencies_ms[1], theirs.latencies_ms[1]))
            say(f"{size}: round {number + 1}: {ours.rate:,.0f}/s, over an empty log {theirs.rate:,.0f}/s")
        for server, past in ((base, empty), (large, size)):
            found.problems.extend(_wrong(server, traffic, past, loads[server.port]))
    _take_snapshot(folder / "large" / "data")
    with _started(folder / "large", conditions) as (_, found.snapshot_boot_seconds):
        say(f"{size}: started from a snapshot in {found.snapshot_boot_seconds:.1f} s")
    shutil.rmtree(folder)
    return found


@contextmanager
def _started(folder: Path, conditions: Conditions) -> Iterator[tuple[Server, float]]:
    shutil.rmtree(folder / "ready", ignore_errors=True)
    began = time.monotonic()
    environment = {**conditions.environment(), **_NO_UPKEEP}
    with running(_SERVICE, environment, folder, conditions.workers, start_seconds=_BOOT_SECONDS) as server:
        took = time.monotonic() - began
        wait_until_answering(server, "/health")
        yield server, took


def _plan(server: Server, traffic: Traffic, conditions: Conditions, number: int) -> Plan:
    return Plan(
        server.port,
        traffic.requests,
        conditions.connections,
        conditions.warmup_seconds,
        conditions.seconds,
        seed=number,
        pids=server.workers,
    )


def _take_snapshot(data_dir: Path) -> None:
    command = [sys.executable, "-m", "inventory.cli", "archive", "--snapshot", "--data-dir", str(data_dir)]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise OSError(f"no snapshot could be taken: {ended.stderr.strip()}")


def _wrong(server: Server, traffic: Traffic, past: Size, loads: list[Load]) -> list[str]:
    """Each record that was changed has what its version says, and all changes are those that were confirmed."""
    changes, problems = 0, []
    for number, delta in enumerate(traffic.deltas):
        url = f"http://127.0.0.1:{server.port}/stores/store-1/inventory/{sku_name(number)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            record = json.load(answer)
        changes += record["version"] - 1
        if record["onHand"] != START + delta * (record["version"] - 1):
            problems.append(f"{sku_name(number)}: {record['onHand']} on hand at version {record['version']}")
    changes -= past.events - past.records
    fewest = sum(load.confirmed_in_all for load in loads)
    if not fewest <= changes <= fewest + sum(load.unanswered for load in loads):
        problems.append(f"{changes} changes, {fewest} were confirmed")
    return problems[:5]


def _telling(size: Size, say: Callable[[str], None]) -> Callable[[int], None]:
    def made(events: int) -> None:
        if events % 1_000_000 == 0:
            say(f"{size}: {events:,} events are written")

    return made
