"""Start and stop a contestant: gunicorn with the service's own settings, on a free port, in a fresh folder."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import procfs
from bench.gunicorn_conf import READY_FOLDER
from inventory.settings import setting_names

SCRIPTS = Path(__file__).resolve().parents[1]
CHECKOUT = SCRIPTS.parent
_START_SECONDS = 30
_STOP_SECONDS = 20
_PAUSE_SECONDS = 0.02


class ServerBroken(Exception):
    """A server did not start, or ended too early; the message has what it said last."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose workers all accept."""

    port: int
    data_dir: Path
    workers: list[int]


@contextmanager
def running(
    app: str,
    environment: Mapping[str, str],
    folder: Path,
    workers: int,
    start_seconds: float = _START_SECONDS,
    checkout: Path = CHECKOUT,
    output: Path | None = None,
) -> Iterator[Server]:
    """Serve ``app`` for the ``with`` block with its data and its output in ``folder``, where data may be already.

    :param checkout: the program is that of this folder.
    :param output: the file that its log lines go to; without it they are dropped.
    :raises ServerBroken: it does not come up.
    """
    port = _free_port()
    ready, data_dir = folder / "ready", folder / "data"
    ready.mkdir()
    data_dir.mkdir(exist_ok=True)
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(data_dir), "WEB_CONCURRENCY": str(workers)}
    # In a session of its own: Ctrl-C goes to the benchmark alone, which then ends the server.
    with open(folder / "stderr", "wb") as errors, open(output or os.devnull, "wb") as lines:
        master = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:bench.gunicorn_conf", app],
            cwd=folder,
            env={**environment_of(checkout), READY_FOLDER: str(ready), **environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield Server(port, data_dir, _wait_for_workers(master, ready, workers, folder / "stderr", start_seconds))
        if master.poll() is not None:
            raise _broken("ended by itself", folder / "stderr")
    finally:
        _stop(master)


def clean_environment() -> dict[str, str]:
    """This process's environment without the settings of the service, and with this checkout in reach."""
    return environment_of(CHECKOUT)


def environment_of(checkout: Path) -> dict[str, str]:
    """The same with the packages of ``checkout`` in reach."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in setting_names() and not name.startswith("INVENTORY_")
    }
    for name in ("GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR"):
        environment.pop(name, None)
    environment["PYTHONPATH"] = os.pathsep.join((str(checkout / "scripts"), str(checkout)))
    return environment


def wait_until_answering(server: Server, path: str) -> None:
    """Return when ``path`` is answered with 2xx. :raises ServerBroken: it is not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=_START_SECONDS):
            return
    except (urllib.error.URLError, OSError) as error:
        raise ServerBroken(f"{path} is not answered: {error}") from error


def _wait_for_workers(
    master: subprocess.Popen[bytes], ready: Path, workers: int, errors: Path, seconds: float
) -> list[int]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if master.poll() is not None:
            raise _broken(f"ended with status {master.returncode}", errors)
        found = sorted(int(name) for name in os.listdir(ready))
        if len(found) >= workers:
            return found
        time.sleep(_PAUSE_SECONDS)
    raise _broken(f"did not start within {seconds:g} s", errors)


def _broken(reason: str, errors: Path) -> ServerBroken:
    said = errors.read_text(errors="replace").strip()[-2000:]
    return ServerBroken(f"a server {reason}; it said:\n{said or '(nothing)'}")


def _stop(master: subprocess.Popen[bytes]) -> None:
    workers = procfs.children(master.pid)
    master.terminate()
    try:
        master.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in (master.pid, *workers):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        master.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
