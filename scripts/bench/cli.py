"""The command."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.choice import NOBODY, chosen
from bench.contestants import CONTESTANTS, TARGETS, Contestant
from bench.driving import CHOICES, Drive, NoDriver, chosen_driver
from bench.machine import describe
from bench.picture import picture
from bench.report import as_json, ratios, remarks, table_of_ratios, table_of_runs
from bench.rounds import Conditions, Run, run_all
from bench.server import ServerBroken
from bench.stand_ins.entries import STAND_INS
from inventory.settings import setting_names

_DESCRIPTION = """Measure the service beside yardsticks and stand-ins that run under the same gunicorn settings.

The servers of all contestants stand for the whole time, each in a fresh folder. Each round drives them
in turn, for a moment each, every other round in the opposite order; ratios are taken within a round.
After each run the stock must be what was confirmed and the log must be whole, or the run is void.
The targets are those of the design; missing one is no failure. Wants a machine that does nothing else.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. The status is 1 if a run was void or could not be made."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        contestants, left_out = chosen(options.contestants, options.against)
        driver, drive = chosen_driver(options.driver)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder:
            conditions = _conditions(options, Path(folder))
            machine, settings = describe(conditions.folder), _settings(conditions, driver)
            print(_head(machine, settings, left_out), flush=True)
            runs = _measure(conditions, contestants, drive)
            found = ratios(runs, TARGETS)
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
    except (ServerBroken, NoDriver, ValueError, OSError) as error:
        _say(f"bench: {error}")
        return 1


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
            f"  {'VOID: ' + '; '.join(run.problems) if run.problems else 'ok'}"
        )

    _say(f"starting {len(contestants)} servers, each with its stock")
    runs = run_all(contestants, conditions, drive, report)
    for run in runs:
        if run.problems:
            _say(f"void: {run.contestant} in round {run.round + 1}: {'; '.join(run.problems)}")
    return runs


def _settings(conditions: Conditions, driver: str) -> dict[str, Any]:
    return {
        "seconds": conditions.seconds,
        "warmupSeconds": conditions.warmup_seconds,
        "rounds": conditions.rounds,
        "connections": conditions.connections,
        "workers": conditions.workers,
        "threads": conditions.threads,
        "skus": conditions.skus,
        "driver": driver,
        "environment": conditions.environment(),
        "requestLog": "/dev/null",
    }


def _caption(machine: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    return (
        f"{settings['workers']} workers × {settings['threads']} threads, {settings['connections']} connections,"
        f" {settings['skus']} SKUs, {settings['rounds']} rounds of {settings['seconds']:g} s;"
        f" {machine['cores']} cores, {machine['fileSystem']}"
    )


def _head(machine: Mapping[str, Any], settings: Mapping[str, Any], left_out: Mapping[str, str]) -> str:
    sync, versions = machine["fdatasyncMs"], machine["versions"]
    lines = [
        f"Machine:  {machine['processor']}, {machine['cores']} of {machine['coresOfMachine']} cores,"
        f" load {machine['loadAverage']:.1f}; {machine['python']}; "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"Data:     {machine['folder']} on {machine['fileSystem']} ({machine['device']});"
        f" append + fdatasync {sync['p50']:.2f} ms, p99 {sync['p99']:.2f} ms",
        f"Servers:  {settings['workers']} workers × {settings['threads']} threads, default settings but"
        f" {' '.join(f'{name}={value}' for name, value in settings['environment'].items())};"
        f" request log to {settings['requestLog']}",
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


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {contestant.name:16}{contestant.what}" for contestant in CONTESTANTS)
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description=_DESCRIPTION,
        epilog=f"contestants:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=_positive_seconds, help="measured time of a run (1)")
    parser.add_argument("--rounds", type=_positive, help="how often each contestant runs (15; with --quick 1)")
    parser.add_argument("--connections", type=_positive, default=64, help="kept-alive connections (64)")
    parser.add_argument("--workers", type=_positive, default=2, help="worker processes (2)")
    parser.add_argument("--threads", type=_positive, default=16, help="threads in each worker (16)")
    parser.add_argument("--skus", type=_positive, default=1000, help="SKUs that the load is spread over (1000)")
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a setting of every server"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--contestants", metavar="A,B", help="only these")
    others = ",".join(stand_in.name for stand_in in STAND_INS)
    who.add_argument(
        "--against", metavar="A,B", help=f"only these of the stand-ins, or {NOBODY} (those of {others} that can run)"
    )
    parser.add_argument("--driver", choices=CHOICES, default="auto", help="auto: wrk where it is installed, else own")
    parser.add_argument("--dir", type=Path, help="make the temporary data folders here, not among the temporary files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file, too")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the rates: medians, with the least and most")
    parser.add_argument("--quick", action="store_true", help="see whether it works; the figures mean little")
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given or name not in setting_names():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with the name of a setting, such as PIN_WORKERS")
    return name, value


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _positive_seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < 3600:
        raise argparse.ArgumentTypeError("must be between 0 and 3600")
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
