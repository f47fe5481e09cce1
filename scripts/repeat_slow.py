"""Run the slow tests repeatedly, half of the runs beside a load on every core, and keep a list of the runs.

    .venv/bin/python scripts/repeat_slow.py runs.jsonl                                  ten runs, five beside a load
    .venv/bin/python scripts/repeat_slow.py runs.jsonl -- tests/system/test_audit.py    of these tests alone

Takes hours. It may be interrupted, and goes on where it was the next time: the list has a line for each run that came
to its end, and a run counts for the commit and the tests that it was made of. Wants the package installed editable,
with its test tools. The status is 0 if all runs are green, 1 if not.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[1]
_INTERRUPTED = 2
_BUSY = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tests, as it stands in the list.

    :ivar tests: what was given to pytest beside the usual.
    :ivar failed: the ids of the tests that failed or broke.
    """

    commit: str
    tests: tuple[str, ...]
    beside_load: bool
    began: str
    seconds: float
    status: int
    passed: int
    skipped: int
    failed: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        """Whether everything passed, and there was something to pass."""
        return self.status == 0 and self.passed > 0 and not self.failed


def runs_of(path: Path, commit: str, tests: Sequence[str]) -> list[Run]:
    """The runs in the list that count for a commit and some tests; a line that was not written to its end is none."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    found = [_as_run(json.loads(line)) for line in lines]
    return [run for run in found if (run.commit, run.tests) == (commit, tuple(tests))]


def _as_run(told: dict[str, Any]) -> Run:
    return Run(**{**told, "tests": tuple(told["tests"]), "failed": tuple(told["failed"])})


def still_to_do(done: Sequence[Run], many: int, beside_load: int) -> list[bool]:
    """The runs that are missing, those beside a load as ``True``; the two kinds take turns."""
    loaded = beside_load - sum(run.beside_load for run in done)
    alone = many - beside_load - sum(not run.beside_load for run in done)
    turns = [(number, kind) for kind, count in ((False, alone), (True, loaded)) for number in range(count)]
    return [kind for _, kind in sorted(turns)]


def verdict(done: Sequence[Run]) -> str:
    """How many runs were green; and each test that failed, with how often it did, alone and beside a load."""
    green = sum(run.is_green for run in done)
    loaded = sum(run.beside_load for run in done)
    lines = [f"{green} of {len(done)} runs green, {loaded} of them beside a load"]
    for name in sorted({name for run in done for name in run.failed}):
        failing = [run for run in done if name in run.failed]
        beside = sum(run.beside_load for run in failing)
        lines.append(f"  {name}: failed in {len(failing)} runs, {beside} of them beside a load")
    for run in done:
        if not run.is_green and not run.failed:
            lines.append(f"  the run of {run.began} ended with status {run.status} and {run.passed} tests passed")
    return "\n".join(lines)


def outcome(report: Path) -> tuple[int, int, tuple[str, ...]]:
    """What pytest's JUnit report says: how many passed, how many were skipped, which failed or broke."""
    if not report.exists():
        return 0, 0, ()
    passed, skipped, failed = 0, 0, []
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, skipped, tuple(failed)


@contextmanager
def load(wanted: bool) -> Iterator[None]:
    """Keep every core busy for the ``with`` block, if that is wanted."""
    cores = len(os.sched_getaffinity(0)) if wanted else 0
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY, str(os.getpid())]) for _ in range(cores)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def run_once(commit: str, tests: Sequence[str], beside_load: bool) -> Run:
    """Run the tests as ``tox -e slow`` does.

    :raises KeyboardInterrupt: pytest was interrupted; such a run is none.
    """
    began, since = datetime.now(UTC), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, load(beside_load):
        report = Path(folder) / "report.xml"
        usual = [
            "-q",
            "-n",
            "auto",
            "--maxprocesses",
            "4",
            "-m",
            "(slow or scripts) and not long",
            f"--junitxml={report}",
        ]
        done = subprocess.run([sys.executable, "-m", "pytest", *usual, *tests], cwd=CHECKOUT, check=False)
        if done.returncode == _INTERRUPTED:
            raise KeyboardInterrupt
        passed, skipped, failed = outcome(report)
    seconds = round(time.monotonic() - since, 1)
    stamp = began.isoformat(timespec="seconds")
    return Run(commit, tuple(tests), beside_load, stamp, seconds, done.returncode, passed, skipped, failed)


def repeat(
    path: Path,
    commit: str,
    tests: Sequence[str],
    many: int,
    beside_load: int,
    once: Callable[[str, Sequence[str], bool], Run] = run_once,
) -> list[Run]:
    """Make the runs that are missing in the list, enter each when it has ended, and return all that count."""
    done = runs_of(path, commit, tests)
    for loaded in still_to_do(done, many, beside_load):
        run = once(commit, tests, loaded)
        _enter(path, run)
        done.append(run)
        kind = "beside a load" if loaded else "alone"
        print(f"run {len(done)} of {many}, {kind}: {'green' if run.is_green else 'RED'}, {run.seconds:g} s", flush=True)
    return done


def _enter(path: Path, run: Run) -> None:
    whole = path.read_text() if path.exists() else ""
    # The end of a line that was never finished must not become a part of this one.
    torn = whole[whole.rfind("\n") + 1 :]
    with path.open("a") as file:
        if torn:
            file.truncate(len((whole.removesuffix(torn)).encode()))
        file.write(json.dumps(asdict(run)) + "\n")


def _commit() -> str:
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="repeat_slow.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path, help="the list of runs; made if it is not there")
    parser.add_argument("--runs", type=int, default=10, help="so many in all (10)")
    parser.add_argument("--beside-load", type=int, default=5, help="so many of them beside a load on every core (5)")
    parser.epilog = "What stands behind -- is given to pytest beside the usual; without it all slow tests run."
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    options, tests = parser.parse_args(given[:end]), given[end + 1 :]
    if not 0 <= options.beside_load <= options.runs:
        parser.error("--beside-load must be between 0 and --runs")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        done = repeat(options.list, _commit(), tests, options.runs, options.beside_load)
    except KeyboardInterrupt:
        print("interrupted; the runs that came to their end are in the list", file=sys.stderr)
        return 130
    print(verdict(done))
    return 0 if all(run.is_green for run in done) else 1


if __name__ == "__main__":
    sys.exit(main())
