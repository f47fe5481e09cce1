"""Work in a child process: with a time limit, and never longer than the parent lives."""

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
"""Not 19: while all cores are busy, that is a hundredth of one, and the work would never finish in time."""


class ChildTooSlow(Exception):
    """The child did not finish in time, and was killed."""


class ChildFailed(Exception):
    """The child ended without a result; the message is the last line of its stderr."""


class Child:
    """A module of this program in a new interpreter, until ``close``. The module must first call ``stay_with``."""

    def __init__(self, module: str, arguments: Sequence[str], keep: Sequence[int] = ()) -> None:
        """Start it. It inherits no open files except ``keep``, in particular no sockets.

        :raises OSError: it could not be started.
        """
        home = str(Path(__file__).parents[2])
        paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self._module = module
        self._process = subprocess.Popen(
            # -P: a file in the working folder that is called like a module is not imported.
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
            raise ChildTooSlow(f"{self._module} did not finish in {seconds:g} s") from error
        if self._process.returncode != 0:
            lines = said.decode(errors="replace").strip().splitlines()
            raise ChildFailed(lines[-1] if lines else f"it ended with status {self._process.returncode}")
        return out

    def close(self) -> None:
        """Kill it, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def run_module(module: str, arguments: Sequence[str], *, seconds: float, keep: Sequence[int] = ()) -> bytes:
    """Run a module and return its result; see ``Child``, also for its errors."""
    with closing(Child(module, arguments, keep)) as child:
        return child.result(seconds)


def stay_with(parent: int) -> None:
    """Called by the child: end when the parent ends, for whatever reason."""
    # The kernel does it, so it also works if the parent was killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


def give_way() -> None:
    """Called by the child: lower its priority below that of processes that answer requests."""
    os.nice(_NICE)
    # The parent may be pinned to one core, on which it answers requests.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
