"""``inventory worker`` as a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.running_server import environment
from support.waiting import until

COMMAND = (sys.executable, "-m", "inventory.cli", "worker")


class RunningWorker:
    """One worker on a data folder. Its output goes to files in ``logs``."""

    def __init__(self, data_dir: Path, logs: Path, number: int, **settings: object) -> None:
        self.stdout, self.stderr = logs / f"worker-{number}.out", logs / f"worker-{number}.err"
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self._process = subprocess.Popen(
                COMMAND,
                env=environment(data_dir, **settings),
                cwd=logs,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        until("the worker is at work", lambda: self.said("working"))

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self) -> list[dict[str, Any]]:
        """Its log, as far as it is written in whole lines."""
        return [json.loads(line) for line in self.stdout.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message."""
        assert self._process.poll() is None or self.stdout.exists(), self.stderr.read_text()
        return [line for line in self.lines() if line["message"] == message]

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit status."""
        self._process.send_signal(with_signal)
        return self.status()

    def status(self) -> int:
        """Wait for its end; returns its exit status."""
        return self._process.wait(60)

    def close(self) -> None:
        """End it for certain."""
        self._process.kill()
        self._process.wait(10)
