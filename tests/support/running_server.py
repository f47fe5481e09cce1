"""A real server: gunicorn with two workers of four threads, as a process group of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import inventory
from support.client import Client, Unanswered
from support.processes import children, frozen, is_alive, members, thaw
from support.waiting import PATIENCE_SECONDS, until

PACKAGE = Path(inventory.__file__).parents[1]
SERVE = (sys.executable, "-m", "inventory.cli", "serve", "--init")
WORKERS = 2
_LISTENING = re.compile(r"Listening at: http://[^\s]*:(\d+) ")
_NUMBERS = count(1)


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """What a server or command is started with: nothing of what the tests themselves were started with."""
    chosen = {
        "DATA_DIR": data_dir,
        "PORT": 0,
        "WEB_CONCURRENCY": WORKERS,
        "THREADS": 4,
        "RATE_LIMIT_RPS": 0,
        **settings,
    }
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PACKAGE),
        **{name: str(value) for name, value in chosen.items()},
    }


def run_command(data_dir: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run ``inventory …`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "inventory.cli", *arguments],
        env=environment(data_dir, **settings),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def assert_whole(data_dir: Path) -> None:
    """Have ``inventory verify`` check the folder."""
    done = run_command(data_dir, "verify")
    assert done.returncode == 0, done.stderr + done.stdout


class RunningServer:
    """One master and its workers on a data folder. Its output goes to files in ``logs``."""

    def __init__(
        self, data_dir: Path, logs: Path, command: Sequence[str] = SERVE, cwd: Path | None = None, **settings: object
    ) -> None:
        self.data_dir = data_dir
        self._logs, self._command, self._cwd, self._settings = logs, command, cwd or logs, settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.stdout = self.stderr = logs

    def start(self) -> "RunningServer":
        """Start it; returns when it answers that it is ready and all workers are there."""
        self.launch()
        until("the server is ready", self._is_ready)
        return self

    def launch(self) -> "RunningServer":
        """Start it; returns when it listens. A client that connects waits for the workers."""
        number = next(_NUMBERS)
        self.stdout, self.stderr = self._logs / f"server-{number}.out", self._logs / f"server-{number}.err"
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self._process = subprocess.Popen(
                self._command,
                env=environment(self.data_dir, **self._settings),
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.port = until("the server listens", self._listens)
        return self

    @property
    def master(self) -> int:
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        return children(self.master)

    def until_replaced(self, worker: int) -> None:
        """Wait until another process has taken the place of a worker that has ended."""
        until(f"a worker in place of {worker}", lambda: len(set(self.workers()) - {worker}) == WORKERS)

    def other(self, worker: int) -> int:
        """A worker that is not this one."""
        return next(pid for pid in self.workers() if pid != worker)

    def client(self, timeout: float = 30.0) -> Client:
        """A new connection, to whichever worker takes it."""
        return Client(self.port, timeout)

    def client_of(self, worker: int, timeout: float = 30.0) -> Client:
        """A connection that this worker has taken, since no other could: they stand still for that moment."""
        client = self.client(timeout)
        with frozen(*(pid for pid in self.workers() if pid != worker)):
            assert client.get("/health").status == 200
        return client

    @contextmanager
    def clients_of_all(self) -> Iterator[list[Client]]:
        """One connection to each worker. Left alone, connections tend to land on one of them."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.client_of(worker)) for worker in self.workers()]

    def get(self, path: str, **headers: str) -> Any:
        """Ask on a new connection; returns the JSON of a 200."""
        with self.client() as client:
            answer = client.get(path, **headers)
        assert answer.status == 200, answer
        return answer.json

    def log_lines(self) -> list[dict[str, Any]]:
        """The lines of the log of requests, as far as they are written to their ends."""
        return [json.loads(line) for line in self.stdout.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def lease_files(self) -> list[str]:
        return [path.name for path in (self.data_dir / "locks").glob("*.lease")]

    def end(self, with_signal: int = signal.SIGTERM, within: float = PATIENCE_SECONDS) -> int:
        """Ask the master to end; returns its exit status."""
        assert self._process is not None
        self._process.send_signal(with_signal)
        return self._process.wait(within)

    def until_ended(self, within: float) -> int:
        """Wait until all of it has ended by itself; returns the master's exit status."""
        assert self._process is not None
        status = self._process.wait(within)
        until("the group is gone", lambda: not members(self.master))
        return status

    def kill_group(self) -> None:
        """``kill -9`` for all of it at once; returns when nothing of it runs."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.master, signal.SIGKILL)
        self._process.wait(10)
        until("the group is gone", lambda: not members(self.master))

    def restart(self) -> None:
        """Start it again; what is left of the old one must have ended. The port is a new one."""
        assert not is_alive(self.master)
        self.start()

    def close(self) -> None:
        """End it for certain, gently if it still listens to that."""
        if self._process is None:
            return
        for pid in members(self.master):
            thaw(pid)
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.end(within=15)
        self.kill_group()

    def _listens(self) -> int:
        assert self._process is not None
        written = self.stderr.read_text()
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended with {self._process.returncode}:\n{written}")
        found = _LISTENING.search(written)
        return int(found[1]) if found else 0

    def _is_ready(self) -> bool:
        if len(self.workers()) < int(str(self._settings.get("WEB_CONCURRENCY", WORKERS))):
            return False
        try:
            with self.client(timeout=5) as client:
                return client.get("/health/readiness").status == 200
        except Unanswered:
            return False


Serve = Callable[..., RunningServer]
