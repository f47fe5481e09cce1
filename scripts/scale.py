"""Measure the cost of a long history: throughput, memory and start with large logs and an empty one; see ``--help``."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from bench.driving import CHOICES, NoDriver, chosen_driver
    from bench.machine import describe
    from bench.rounds import Conditions
    from bench.scale import Found, Size, measure
    from bench.server import ServerBroken
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python {sys.argv[0]}")

_DESCRIPTION = """Start the service over logs with a past, and drive it in turn with one over an empty log.

Each size is RECORDS or RECORDS:EVENTS; more events than records are changes of the SKUs that the load is spread over.
The largest default one writes 2.5 GB to the temporary folder and takes some minutes.
"""
_SIZES = ("100000", "1000000", "1000:5000000")


def main() -> int:
    """Print a line for each size. The status is 1 where a server was wrong or could not be started."""
    given = _parser().parse_args()
    try:
        name, drive = chosen_driver(given.driver)
        with tempfile.TemporaryDirectory(prefix="scale-", dir=given.dir) as folder:
            conditions = Conditions(given.seconds, 1.0, given.rounds, 64, given.workers, 16, given.skus, Path(folder))
            machine = describe(conditions.folder)
            print(
                f"HostClock:  {machine['processor']}, {machine['cores']} cores, load {machine['loadAverage']:.1f};"
                f" {machine['python']}; driver {name}",
                flush=True,
            )
            found = [measure(size, conditions, drive, _say) for size in given.sizes or [_size(one) for one in _SIZES]]
    except KeyboardInterrupt:
        _say("\nstopped; the servers are stopped too")
        return 130
    except (ServerBroken, NoDriver, ValueError, OSError) as error:
        _say(f"scale: {error}")
        return 1
    print(_table(found))
    if given.json is not None:
        told = {"machine": machine, "sizes": [one.as_json() for one in found]}
        given.json.write_text(json.dumps(told, indent=1) + "\n")
    return 1 if any(one.problems for one in found) else 0


def _table(found: list[Found]) -> str:
    lines = [
        "",
        f"{'records':>10}{'events':>11}{'req/s':>8}{'to empty (min–max)':>21}{'p99 to empty':>14}{'bytes/record':>14}"
        f"{'boot s':>8}{'events/s':>10}{'from snapshot s':>17}",
    ]
    for one in found:
        ratios = [ours / theirs for ours, theirs in one.rates]
        p99 = median(ours / theirs for ours, theirs in one.p99s)
        reading = max(0.001, one.boot_seconds - one.empty_boot_seconds)
        held = f"{one.bytes_per_record:,.0f}" if one.size.records > 10_000 else "–"
        lines.append(
            f"{one.size.records:>10,}{one.size.events:>11,}{median(ours for ours, _ in one.rates):>8,.0f}"
            f"{f'{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})':>21}{p99:>14.2f}{held:>14}"
            f"{one.boot_seconds:>8.1f}{one.size.events / reading:>10,.0f}{one.snapshot_boot_seconds:>17.1f}"
        )
        lines.extend(f"  WRONG: {problem}" for problem in one.problems)
    return "\n".join(lines)


def _size(text: str) -> Size:
    records, given, events = text.partition(":")
    try:
        size = Size(int(records), int(events if given else records))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not RECORDS or RECORDS:EVENTS") from None
    if not 1000 <= size.records <= size.events <= 50_000_000:
        raise argparse.ArgumentTypeError(f"{text!r}: 1,000 records at least, and no fewer events")
    return size


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=_size, metavar="SIZE", help=f"({' '.join(_SIZES)})")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is driven (5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="measured time of a round (4)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--skus", type=int, default=1000, help="SKUs that the load is spread over (1000)")
    parser.add_argument("--driver", choices=CHOICES, default="auto", help="auto: wrk where it is installed, else own")
    parser.add_argument("--dir", type=Path, help="make the logs here, not among the temporary files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file, too")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
