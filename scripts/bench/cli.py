"""The command ``scripts/bench.py``: options, runs, report."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.choice import chosen
from bench.contestants import TARGETS, Contestant, Target
from bench.driving import Drive, NoDriver, chosen_driver
from bench.machine import describe
from bench.options import parser
from bench.picture import picture
from bench.report import as_json, ratios, remarks, table_of_ratios, table_of_runs
from bench.rounds import Conditions, Run, run_all
from bench.server import CHECKOUT, ServerBroken
from bench.slow_sync import NoCompiler, slower_syncs
from bench.versus import PAIRS, commit_of, of_both


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. The status is 1 if a run was void or could not be made."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        contestants, left_out, targets = _compared(options)
        driver, drive = chosen_driver(_wanted_driver(options))
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder,
            slower_syncs(Path(folder), options.sync_ms),
        ):
            conditions = _conditions(options, Path(folder))
            machine, settings = describe(conditions.folder), _settings(conditions, driver, options.sync_ms)
            settings["commits"] = _commits(options.versus)
            print(_head(machine, settings, left_out), flush=True)
            runs = _measure(conditions, contestants, drive)
            found = ratios(runs, targets)
            print(f"\n{table_of_runs(runs)}\n\n{table_of_ratios(found)}\n\n{remarks(runs, driver)}")
            if options.json is not None:
                told = as_json(machine, settings, runs, found, left_out)
                options.json.write_text(json.dumps(told, indent=1) + "\n")
            if options.svg is not None:
                options.svg.write_text(picture(runs, _caption(machine, settings)), encoding="utf-8")
            return 1 if any(run.problems for run in runs) else 0
    except KeyboardInterrupt:
        _say("\nstopped; the servers are stopped too")
        return 130
    except (ServerBroken, NoDriver, NoCompiler, ValueError, OSError) as error:
        _say(f"bench: {error}")
        return 1


def _compared(options: argparse.Namespace) -> tuple[list[Contestant], Mapping[str, str], Sequence[Target]]:
    """Who runs, who is left out for what reason, and which ratios are wanted."""
    if options.versus is not None:
        return of_both(options.versus), {}, PAIRS
    return *chosen(options.contestants, options.against), TARGETS


def _wanted_driver(options: argparse.Namespace) -> str:
    """Which driver to take. Between two checkouts a few percent count: connections must be even, which wrk cannot."""
    name: str = options.driver
    return "own" if options.versus is not None and name == "auto" else name


def _commits(other: Path | None) -> dict[str, str]:
    """Whose programs the figures are of."""
    found = {"this": commit_of(CHECKOUT)}
    return found if other is None else {**found, "other": commit_of(other)}


def _measure(conditions: Conditions, contestants: Sequence[Contestant], drive: Drive) -> list[Run]:
    """Run all, and say how each went."""
    done = 0

    def report(run: Run) -> None:
        nonlocal done
        done += 1
        spread = "/".join(map(str, run.load.connections_of))
        _say(
            f"[{done}/{conditions.rounds * len(contestants)}] round {run.round + 1} {run.contestant:14}"
            f" {run.load.rate:8,.0f} req/s  p99 {run.load.latencies_ms[1]:6.1f} ms  connections {spread}"
            f"{'  ' + '; '.join(run.problems) if run.problems else ''}"
        )

    _say(f"starting {len(contestants)} servers, each with its stock")
    runs = run_all(contestants, conditions, drive, report)
    for run in runs:
        if run.problems:
            _say(f"void: {run.contestant} in round {run.round + 1}: {'; '.join(run.problems)}")
    return runs


def _settings(conditions: Conditions, driver: str, slower_sync_ms: float) -> dict[str, Any]:
    return {
        "seconds": conditions.seconds,
        "warmupSeconds": conditions.warmup_seconds,
        "rounds": conditions.rounds,
        "connections": conditions.connections,
        "workers": conditions.workers,
        "threads": conditions.threads,
        "skus": conditions.skus,
        "driver": driver,
        "slowerSyncMs": slower_sync_ms,
        "environment": conditions.environment(),
        "requestLog": "/dev/null",
    }


def _caption(machine: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    slower = settings["slowerSyncMs"]
    return (
        f"{settings['workers']} workers × {settings['threads']} threads, {settings['connections']} connections,"
        f" {settings['skus']} SKUs, {settings['rounds']} rounds of {settings['seconds']:g} s;"
        f" {machine['cores']} cores, {machine['fileSystem']}{f', syncs {slower:g} ms longer' if slower else ''}"
    )


def _head(machine: Mapping[str, Any], settings: Mapping[str, Any], left_out: Mapping[str, str]) -> str:
    sync, versions, slower = machine["fdatasyncMs"], machine["versions"], settings["slowerSyncMs"]
    lines = [
        f"HostClock:  {machine['processor']}, {machine['cores']} of {machine['coresOfMachine']} cores,"
        f" load {machine['loadAverage']:.1f}; {machine['python']}; "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"Data:     {machine['folder']} on {machine['fileSystem']} ({machine['device']});"
        f" append + fdatasync {sync['p50']:.2f} ms, p99 {sync['p99']:.2f} ms"
        + (f"; each sync of the servers is made {slower:g} ms longer" if slower else ""),
        f"Servers:  {settings['workers']} workers × {settings['threads']} threads, default settings but"
        f" {' '.join(f'{name}={value}' for name, value in settings['environment'].items())};"
        f" request log to {settings['requestLog']}",
        "Commits:  " + ", ".join(f"{whose} {commit}" for whose, commit in settings["commits"].items()),
        f"Load:     {settings['rounds']} rounds of {settings['seconds']:g} s after {settings['warmupSeconds']:g} s of"
        f" warm-up, {settings['connections']} connections, {settings['skus']} SKUs, driver {settings['driver']}",
    ]
    lines.extend(f"Left out: {name}: {why}" for name, why in left_out.items())
    if not machine["survivesPowerCut"]:
        lines.append("WARNING:  this is memory, where a sync costs nothing: choose a folder on a disk with --dir")
    return "\n".join(lines)


def _conditions(options: argparse.Namespace, folder: Path) -> Conditions:
    quick = options.quick
    return Conditions(
        seconds=options.seconds or 1,
        warmup_seconds=0.3 if quick else 0.5,
        rounds=options.rounds or (1 if quick else 15),
        connections=options.connections,
        workers=options.workers,
        threads=options.threads,
        skus=options.skus,
        folder=folder,
        settings=dict(options.set),
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
