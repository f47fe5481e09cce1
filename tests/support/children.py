"""Real processes on a data folder, for tests of what only a real process can do: die, freeze, reach its limits."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import inventory
from support.folder import SECONDS, Folder

TESTS = Path(__file__).parents[1]
CHECKOUT = Path(inventory.__file__).parents[1]

PRELUDE = """
import os, sys
from pathlib import Path
from support.folder import ONE, TWO, Folder, Shim, add
folder = Folder(Path(sys.argv[1]))
def say(word):
    print(word, flush=True)
def freezing():
    "A disk that writes a whole line, says so, and freezes this process before it can tell of it."
    import signal, threading
    disk = Shim()
    def append(descriptor, data):
        taken = os.write(descriptor, data)
        say("frozen")
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this very thread goes no further
        return taken
    disk.instead["append"] = append
    return disk
"""


@contextmanager
def python(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program in a process of its own, which is gone behind the ``with`` block."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(TESTS)])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # A session of its own, so that no signal to the test's process group reaches it.
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as child:
        try:
            yield child
        finally:
            child.kill()


def on(folder: Folder, program: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a program that finds the folder as ``folder``, and ``say`` to tell the test something."""
    return python(PRELUDE + textwrap.dedent(program), folder.layout.root)


def run_on(folder: Folder, program: str) -> tuple[int, list[str]]:
    """Run such a program to its end: its status and what it said."""
    with on(folder, program) as child:
        said, _ = child.communicate(timeout=SECONDS)
        return child.returncode, said.split()


def heard(child: subprocess.Popen[str]) -> str:
    """The next thing that the child says; empty if it has ended."""
    assert child.stdout is not None
    return child.stdout.readline().strip()
