"""Count the processor's instructions for each step of a change: a figure that other load does not change.

    .venv/bin/python scripts/instructions.py [STEP ...]

Wants valgrind, whose cachegrind counts. Each step is done so many times and then twice as often; the difference is the
step alone, without start and imports. The figures hang on the interpreter and its build: compare within one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_SCRIPTS = Path(__file__).parent
sys.path[:0] = [str(_SCRIPTS), str(_SCRIPTS.parent)]

try:
    from bench.steps import STEPS
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python {sys.argv[0]}")

_TOTAL = re.compile(rb"I\s+refs:\s+([\d,]+)")


def counted(step: str, times: int) -> int:
    """Return how many instructions a process takes that does ``step`` so many times, start and end included.

    :raises RuntimeError: the step failed.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": f"{_SCRIPTS}{os.pathsep}{_SCRIPTS.parent}"}
    command = [sys.executable, "-m", "bench.steps", step, str(times)]
    wanted = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command]
    ended = subprocess.run(wanted, env=environment, capture_output=True, check=False)
    found = _TOTAL.search(ended.stderr)
    if ended.returncode or found is None:
        raise RuntimeError(f"{step}: {ended.stderr.decode(errors='replace').strip()[-2000:]}")
    return int(found[1].replace(b",", b""))


def main() -> int:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"one or more of: {', '.join(STEPS)} (all)")
    parser.add_argument("--times", type=int, default=300, metavar="N", help="do each N and 2 N times (300)")
    given = parser.parse_args()
    unknown = [step for step in given.steps if step not in STEPS]
    if unknown:
        parser.error(f"no such step: {', '.join(unknown)}")
    if given.times < 1:
        parser.error("--times must be at least 1")
    if shutil.which("valgrind") is None:
        print("valgrind is not installed; it is what counts (Debian: apt-get install valgrind)", file=sys.stderr)
        return 1
    print("step                        instructions")
    for step in given.steps or STEPS:
        each = (counted(step, 2 * given.times) - counted(step, given.times)) / given.times
        print(f"{step:27} {each:12,.0f}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
