"""Work in a process of its own: with an end, and never longer than its parent lives."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NICE = 10
"""Not 19: on cores that are all busy that is a hundredth of one, and the work would never be done in time."""


class ChildTooSlow(Exception):
    """It was not done in time, and was ended."""


class ChildFailed(Exception):
    """It ended without a result; the message is the last of what it said."""


class Child:
    """A module of this program at work in a new interpreter, until ``close``; it is to call ``stay_with`` first."""

    def __init__(self, module: str, arguments: Sequence[str], keep: Sequence[int] = ()) -> None:
        """Start it. It inherits no open file but ``keep``: no socket above all.

        :raises OSError: it could not be started.
        """
        home = str(Path(__file__).parents[2])
        paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self._module = module
        self._process = subprocess.Popen(
            # -P: a file that is called like a module and lies in the working folder is none.
            [sys.executable, "-P", "-m", module, str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=keep,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def result(self, seconds: float) -> bytes:
        """Wait until it ends, and return what it wrote to stdout.

        :raises ChildTooSlow: see there. :raises ChildFailed: see there.
        """
        try:
            out, said = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise ChildTooSlow(f"{self._module} was not done in {seconds:g} s") from error
        if self._process.returncode != 0:
            lines = said.decode(errors="replace").strip().splitlines()
            raise ChildFailed(lines[-1] if lines else f"it ended with {self._process.returncode}")
        return out

    def close(self) -> None:
        """End it, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def run_module(module: str, arguments: Sequence[str], *, seconds: float, keep: Sequence[int] = ()) -> bytes:
    """Run a module and return its result; see ``Child``, also for what is raised."""
    with closing(Child(module, arguments, keep)) as child:
        return child.result(seconds)


def stay_with(parent: int) -> None:
    """Called by such a process: end when the parent does, however that ends."""
    # The kernel does it, so that it also holds for a parent that was killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


def give_way() -> None:
    """Called by such a process: leave the cores to whoever answers requests meanwhile."""
    os.nice(_NICE)
    # The parent may be tied to one core, on which it answers requests.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
