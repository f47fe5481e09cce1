"""Measure the gain of each part that replaces a piece of gunicorn."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from bench.contestants import CONTESTANTS, Contestant
    from bench.driving import CHOICES, NoDriver, chosen_driver
    from bench.left_out import LEFT_OUT, VARIABLE
    from bench.rounds import Conditions, Run, run_all
    from bench.server import ServerBroken
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python {sys.argv[0]}")

_DESCRIPTION = """Drive servers that leave out one stand-in for a piece of gunicorn each, beside one that has them all.

Figures are ratios within a round, medians over rounds: requests a second with it / without, and processor time of a
request without / with it. 1.05 means that the part brings 5 %.
"""
_TRAFFIC = ("adjust", "read")
_GTHREAD = "all of them (gthread)"


def kinds(names: Sequence[str]) -> list[Contestant]:
    """Return what is compared: each kind of traffic as it ships, and without each of ``names``."""
    found = []
    for one in (one for one in CONTESTANTS if one.name in _TRAFFIC):
        found.append(one)
        for name in names:
            other = {"WORKER_CLASS": "gthread"} if name == _GTHREAD else {VARIABLE: name}
            found.append(replace(one, name=f"{one.name} without {name}", environment={**one.environment, **other}))
    return found


def table(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """Return the lines that are printed."""
    by_round: dict[int, dict[str, Run]] = {}
    for run in runs:
        by_round.setdefault(run.round, {})[run.contestant] = run
    lines = [f"{'without':24}" + "".join(f"{f'{one} rate':>14}{f'{one} CPU':>14}" for one in _TRAFFIC)]
    for name in names:
        cells = []
        for one in _TRAFFIC:
            pairs = [(each[one], each[f"{one} without {name}"]) for each in by_round.values()]
            rates = sorted(full.load.rate / without.load.rate for full, without in pairs)
            costs = sorted(without.processor_us / full.processor_us for full, without in pairs)
            cells.append(f"{median(rates):14.2f}{median(costs):14.2f}")
        lines.append(f"{name:24}" + "".join(cells))
    return lines


def main() -> int:
    """Print a line for each stand-in; the status is 1 where a server was wrong or could not be started."""
    given = _parser().parse_args()
    names = given.names or [*LEFT_OUT, _GTHREAD]
    try:
        _, drive = chosen_driver(given.driver)
        with tempfile.TemporaryDirectory(prefix="stand-ins-") as folder:
            conditions = Conditions(given.seconds, 0.3, given.rounds, 64, 2, 16, 1000, Path(folder))
            runs = run_all(kinds(names), conditions, drive, _say)
    except KeyboardInterrupt:
        return 130
    except (ServerBroken, NoDriver, ValueError, OSError) as error:
        print(f"stand_ins: {error}", file=sys.stderr)
        return 1
    print(*table(runs, names), sep="\n")
    wrong = [f"{run.contestant}, round {run.round}: {problem}" for run in runs for problem in run.problems]
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def _say(_: Run) -> None:
    print(".", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join([*LEFT_OUT, _GTHREAD])} (all)")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--driver", choices=CHOICES, default="own")
    return parser


if __name__ == "__main__":
    sys.exit(main())
