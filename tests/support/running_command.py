"""A command that runs until it is told to end, as a process of its own, and its log of JSON lines."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from support.running_server import environment
from support.waiting import until

_NUMBERS = count(1)


class RunningCommand:
    """``inventory …`` on a data folder. Its output goes to files in ``logs``.

    :ivar ready: the message of the first line of its log, for which the start waits.
    """

    arguments: Sequence[str] = ()
    ready = ""

    def __init__(self, data_dir: Path, logs: Path, **settings: object) -> None:
        name = f"{self.arguments[0]}-{next(_NUMBERS)}"
        self.stdout, self.stderr = logs / f"{name}.out", logs / f"{name}.err"
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "inventory.cli", *self.arguments),
                env=environment(data_dir, **settings),
                cwd=logs,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def until_ready(self) -> None:
        """Wait until it is at work."""
        until(f"'inventory {self.arguments[0]}' is at work", self._is_at_work)

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self) -> list[dict[str, Any]]:
        """Its log, as far as it is written in whole lines."""
        return [json.loads(line) for line in self.stdout.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message."""
        return [line for line in self.lines() if line["message"] == message]

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit status."""
        self._process.send_signal(with_signal)
        return self.status()

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def status(self) -> int:
        """Wait for its end; returns its exit status."""
        return self._process.wait(60)

    def kill(self) -> None:
        """End it for certain."""
        self._process.kill()
        self._process.wait(10)

    def _is_at_work(self) -> bool:
        if self.has_ended():
            raise AssertionError(f"it ended with {self._process.returncode}:\n{self.stderr.read_text()}")
        return bool(self.said(self.ready))
