"""Measure how many of the connections that come at once each worker accepts, and the throughput with them."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from bench.contestants import CONTESTANTS, Contestant
    from bench.driving import CHOICES, NoDriver, chosen_driver
    from bench.load import Load, Plan, percentile
    from bench.procfs import processor_seconds
    from bench.rounds import Conditions, standing
    from bench.server import ServerBroken, running
    from bench.versus import commit_of, other_checkout
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python {sys.argv[0]}")

_DESCRIPTION = """Open connections all at once, again and again, and tell how many each worker has accepted.

In each run a driver opens --connections, sends adjusts for a second, and closes them. Bounds: in every run at most
--at-most of them are on one worker, and the slowest run has 0.85 of the rate of the fastest. With --come-and-go N, N
clients follow one another, 16 at a time, each with a connection of its own for one read; shares are of processor time.
"""
_SLOWEST_TO_FASTEST = 0.85
_AT_A_TIME = 16
_PAUSE_SECONDS = 0.5
"""Between two runs: the connections of the one are closed when those of the next come."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What each worker had in one run, and the rate of it."""

    of_workers: Sequence[float]
    rate: float
    note: str = ""

    @property
    def largest(self) -> float:
        """The share of the worker that had most."""
        return max(self.of_workers) / (sum(self.of_workers) or 1)


def opened_at_once(of: Sequence[Contestant], given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Shares]]:
    """Drive the servers of all in turn, and yield the name and the shares of each run."""
    _, drive = chosen_driver(given.driver)
    conditions = Conditions(1.0, 0.0, given.runs, given.connections, given.workers, 16, 1000, folder)

    def unevenly(plan: Plan) -> Load:
        return drive(replace(plan, evenly=False))

    with ExitStack() as stack:
        servers = [(one.name, stack.enter_context(standing(one, conditions))) for one in of]
        for number in range(given.runs):
            for name, server in servers:
                time.sleep(_PAUSE_SECONDS)
                load = server.drive(number, conditions, unevenly).load
                note = f"p99 {load.latencies_ms[1]:.0f} ms {load.errors or ''}"
                yield name, Shares(load.connections_of, load.rate, note)


def come_and_gone(of: Sequence[Contestant], given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Shares]]:
    """Have as many clients follow one another as were asked for, on the servers of all in turn."""
    with ExitStack() as stack:
        servers = []
        for one in of:
            own = folder / one.name
            own.mkdir()
            environment = {"RATE_LIMIT_RPS": "0"}
            started = running(one.app, environment, own, given.workers, checkout=one.checkout)
            servers.append((one.name, stack.enter_context(started)))
        for _ in range(given.runs):
            for name, server in servers:
                before = [processor_seconds([pid]) for pid in server.workers]
                began = time.perf_counter()
                with ThreadPoolExecutor(_AT_A_TIME) as pool:
                    took = sorted(pool.map(_one_client, [server.port] * given.come_and_go))
                rate = given.come_and_go / (time.perf_counter() - began)
                spent = [processor_seconds([pid]) - old for pid, old in zip(server.workers, before, strict=True)]
                note = f"p99 {percentile(took, 0.99) / 1e6:.0f} ms, longest {took[-1] / 1e6:.0f} ms"
                yield name, Shares(spent, rate, note)


def _one_client(port: int) -> int:
    began = time.perf_counter_ns()
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/health", headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise HTTPException(f"status {answer.status}")
    return time.perf_counter_ns() - began


def main() -> int:
    """Print a line for each run and a summary for each checkout; the status is 1 where this one misses a bound."""
    given = _parser().parse_args()
    (adjust,) = islice((one for one in CONTESTANTS if one.name == "adjust"), 1)
    contestants = [replace(adjust, name="this")]
    try:
        if given.versus is not None:
            contestants.append(replace(adjust, name="other", checkout=other_checkout(given.versus)))
        for one in contestants:
            print(f"{one.name}: {commit_of(one.checkout)}")
        found: dict[str, list[Shares]] = {one.name: [] for one in contestants}
        with tempfile.TemporaryDirectory(prefix="shares-") as folder:
            measure = come_and_gone if given.come_and_go else opened_at_once
            for name, shares in measure(contestants, given, Path(folder)):
                found[name].append(shares)
                parts = " : ".join(f"{part:.3g}" for part in shares.of_workers)
                print(f"{name:6} {parts:>24}  {shares.largest:5.0%}  {shares.rate:8,.0f}/s  {shares.note}", flush=True)
    except KeyboardInterrupt:
        return 130
    except (ServerBroken, NoDriver, ValueError, OSError, HTTPException) as error:
        print(f"shares: {error}", file=sys.stderr)
        return 1
    return 0 if all([_told(name, runs, given.at_most) for name, runs in found.items()][:1]) else 1


def _told(name: str, runs: list[Shares], at_most: float) -> bool:
    even = sum(run.largest <= at_most for run in runs)
    rates = [run.rate for run in runs]
    ratio = min(rates) / max(rates)
    print(f"{name}: {even} of {len(runs)} runs with at most {at_most:.0%} on one worker; slowest / fastest {ratio:.2f}")
    return even == len(runs) and ratio >= _SLOWEST_TO_FASTEST


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--at-most", type=float, default=0.65, help="largest share of one worker (0.65)")
    parser.add_argument("--driver", choices=CHOICES, default=CHOICES[0])
    parser.add_argument("--come-and-go", type=int, default=0, metavar="N")
    parser.add_argument("--versus", type=Path, metavar="CHECKOUT", help="measure this one too, run by run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
