"""The command ``scripts/drills.py``."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.driving import NoDriver
from bench.machine import describe
from bench.server import ServerBroken
from bench.slow_sync import NoCompiler

from drills import batches, beside, flood, power_cut
from drills.bounds import Bound, table
from drills.loop_disk import DiskBroken, why_not
from drills.subject import Conditions, subject
from inventory.settings import setting_names

_DESCRIPTION = """Put the service under more than it can do, or hold a part of it slow, and hold it to its bounds.

flood      five times the connections that saturate it, each asking again the moment it is answered; once with
           the default settings, once with a queue so short that the shedder is at work, once with the rate limit
slow-sync  changes while publishing is held slow by a failpoint, beside the same without
upkeep     changes of 100,000 records while snapshots are taken, the log is compacted and views are published again
           and again, beside the same without
audit      changes of 100,000 records while the log is folded and compared again and again (GET /audit/verify),
           beside the same without
batches    single changes while 16 connections send batches of 1,000 reserves, half of them atomic, without pause
large-reads
           changes while 16 readers ask for a SKU in 100,000 stores again and again, beside the same without
follower   changes beside a continuous copy (inventory backup --follow), beside the same without
power-cut  root only: the data on an ext4 of its own; under every kind of change the power is cut again and again, and a
           server starts on what the disk had. With --follow a continuous copy is on a second disk, which is cut at the
           same moment. With --without-sync the drill is tried: syncs do nothing, so it must
           find losses

The status is 1 if a bound is missed. Figures want a machine that does nothing else.
"""
_FLOODS: dict[str, dict[str, str]] = {
    "defaults": {"RATE_LIMIT_RPS": "0"},
    "shedding": {"RATE_LIMIT_RPS": "0", "LOAD_SHED_QUEUE_MAX": "8"},
    # No burst to speak of, or the first seconds would not be limited.
    "rate-limit": {"RATE_LIMIT_BURST": "100"},
}
_NAMED = 10
Result = tuple[str, Mapping[str, str], list[Bound], list[dict[str, Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one drill. The status is 1 if a bound was missed or the drill could not be made, 130 if it was stopped."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="drills-", dir=options.dir) as folder:
            return _drill(options, _conditions(options, Path(folder)))
    except KeyboardInterrupt:
        _say("\nstopped; the servers are stopped too")
        return 130
    except (ServerBroken, NoDriver, NoCompiler, DiskBroken, ValueError, OSError) as error:
        _say(f"drills: {error}")
        return 1


def _drill(options: argparse.Namespace, conditions: Conditions) -> int:
    machine = describe(conditions.folder)
    print(
        f"HostClock:  {machine['processor']}, {machine['cores']} cores, load {machine['loadAverage']:.1f};"
        f" {machine['python']}; fdatasync {machine['fdatasyncMs']['p50']:.2f} ms on {machine['fileSystem']}",
        flush=True,
    )
    if options.drill != "power-cut":
        print(
            f"Servers:  {conditions.workers} workers × {conditions.threads} threads, {conditions.skus} SKUs,"
            f" {conditions.rounds} rounds of {conditions.seconds:g} s",
            flush=True,
        )
    match options.drill:
        case "flood":
            results = _flood(options, conditions)
        case "batches":
            results = _batches(conditions)
        case "power-cut":
            results = [_power_cut(options, conditions.folder)]
        case _:
            results = _beside(options.drill, conditions)
    for name, environment, bounds, _ in results:
        settings = " ".join(f"{variable}={value}" for variable, value in environment.items())
        print(f"\n{name} ({settings})\n{table(bounds)}")
    if options.json is not None:
        told = [
            {
                "name": name,
                "environment": environment,
                "bounds": [bound.as_json() for bound in bounds],
                "rounds": rounds,
            }
            for name, environment, bounds, rounds in results
        ]
        options.json.write_text(json.dumps({"machine": machine, "drills": told}, indent=1) + "\n")
    return 0 if all(bound.is_met for _, _, bounds, _ in results for bound in bounds) else 1


def _flood(options: argparse.Namespace, conditions: Conditions) -> list[Result]:
    if not options.connections:
        quick = replace(conditions, seconds=min(2.0, conditions.seconds), warmup_seconds=0.5)
        with subject(conditions, _FLOODS["defaults"]) as under_test:
            conditions = replace(conditions, connections=flood.saturating(under_test, quick, _say))
    print(f"Flood:    {conditions.connections} connections, and {options.times} times as many", flush=True)
    return [_flooded(options, conditions, name) for name in options.cases]


def _flooded(options: argparse.Namespace, conditions: Conditions, name: str) -> Result:
    environment, rounds = _FLOODS[name], []
    with subject(conditions, environment) as under_test:
        wrong = flood.warm(under_test, conditions, options.times)
        for number in range(conditions.rounds):
            one = flood.flood_once(under_test, conditions, options.times, number, evenly=options.evenly)
            _say(f"{name} {number + 1}/{conditions.rounds}: {flood.line(one)}")
            rounds.append(one)
        wrong += under_test.contradictions()
    _report(wrong)
    return name, environment, flood.verdict(rounds, wrong), [one.as_json() for one in rounds]


def _beside(name: str, conditions: Conditions) -> list[Result]:
    case = beside.CASES[name]
    if "FAILPOINTS" not in setting_names():
        raise ValueError("this version has no FAILPOINTS, which hold the sync slow")
    conditions = replace(
        conditions,
        connections=conditions.connections or beside.CONNECTIONS,
        skus=case.skus or conditions.skus,
        seconds=max(conditions.seconds, case.at_least_seconds),
    )
    rounds = []
    for one in beside.pairs(conditions, case):
        rounds.append(one)
        _say(f"{len(rounds)}/{conditions.rounds}: {beside.line(one)}")
        _report(one.wrong)
    told = [one.as_json() for one in rounds]
    return [(name, {**case.settings, **case.working}, beside.verdict(rounds, case), told)]


def _batches(conditions: Conditions) -> list[Result]:
    conditions = replace(conditions, connections=conditions.connections or batches.CONNECTIONS)
    rounds = []
    for one in batches.rounds(conditions):
        rounds.append(one)
        _say(f"{len(rounds)}/{conditions.rounds}: {batches.line(one)}")
        _report(one.wrong)
    return [("batches", batches.SETTINGS, batches.verdict(rounds), [one.as_json() for one in rounds])]


def _power_cut(options: argparse.Namespace, folder: Path) -> Result:
    reason = why_not()
    if reason is not None:
        raise ValueError(f"power-cut cannot be made here: {reason}")
    lying = power_cut.without_sync(folder) if options.without_sync else {}
    found = []
    for cut in power_cut.cuts(folder, options.cuts, options.seed, lying, follow=options.follow):
        found.append(cut)
        _say(f"cut {len(found)}/{options.cuts} {power_cut.line(cut)}")
        _report(cut.wrong[:_NAMED])
    bounds = power_cut.verdict(found, with_sync=not options.without_sync, follow=options.follow)
    return f"power-cut, seed {options.seed}", power_cut.SETTINGS, bounds, [cut.as_json() for cut in found]


def _report(wrong: Sequence[str]) -> None:
    for problem in wrong:
        _say(f"wrong: {problem}")


def _conditions(options: argparse.Namespace, folder: Path) -> Conditions:
    return Conditions(
        options.seconds, options.rounds, options.connections, options.workers, options.threads, options.skus, folder
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drills.py", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drill", choices=("flood", "batches", *beside.CASES, "power-cut"))
    whole, cases = _at_least(1, int), tuple(_FLOODS)
    parser.add_argument("--seconds", type=_at_least(1, float), default=5.0, help="measured time of each part (5)")
    parser.add_argument("--rounds", type=_at_least(2, int), default=5, help="medians are of so many (5)")
    parser.add_argument("--connections", type=whole, default=0, help="without the flood (flood: what saturates it)")
    parser.add_argument("--times", type=whole, default=5, help="the flood has so many times the connections (5)")
    parser.add_argument("--cases", nargs="+", choices=cases, default=cases, help="settings to flood (all)")
    parser.add_argument("--evenly", action="store_true", help="as many connections of the flood to each worker")
    parser.add_argument("--workers", type=whole, default=2, help="worker processes (2)")
    parser.add_argument("--threads", type=whole, default=16, help="threads in each worker (16)")
    parser.add_argument("--skus", type=whole, default=1000, help="SKUs that the load is spread over (1000)")
    parser.add_argument("--cuts", type=whole, default=20, help="how often the power is cut (20)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the cuts and the changes before (1)")
    parser.add_argument("--without-sync", action="store_true", help="power-cut: no sync does anything; losses are due")
    parser.add_argument("--follow", action="store_true", help="power-cut: with a continuous copy on a second disk")
    parser.add_argument("--dir", type=Path, help="make the temporary data folders here, not among the temporary files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file, too")
    return parser


def _at_least(least: int, kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not least <= value < 3600:
            raise argparse.ArgumentTypeError(f"must be at least {least} and less than 3600")
        return value

    return parse


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
