"""Every command with standard input, output or error that is closed or full: what is told on the way ends nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from inventory.cli.main import main

pytestmark = pytest.mark.slow
SECONDS = 60.0
STOCK = "storeId,sku,onHand\ns,sku-1,3\n"


class Ending(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    said: str


class Case(NamedTuple):
    """A call of a command that is done in a moment. ``status``: how it ends when nothing is wrong with its streams."""

    arguments: tuple[str, ...] = ()
    status: int = 0


CASES = {
    "seed": Case(),
    "import": Case(("stock.csv",)),
    "export": Case(),
    "verify": Case(),
    "rebuild": Case(("--yes",)),
    "sync": Case(),
    "archive": Case(),
    "backup": Case(("copy",)),
    "restore": Case(("nowhere",), 1),
    "settings": Case(),
    "dead-letters list": Case(),
    "dead-letters requeue": Case(("1",), 1),
    "dead-letters discard": Case(("1",), 1),
}
UNTIL_TOLD = {"serve", "worker"}
"""They run until they are told to end, and their output is a log."""
WITHOUT_OUTPUT = ("1>&-", "1>/dev/full", "0<&- 1>&- 2>&-", "1>/dev/full 2>/dev/full")
WITH_OUTPUT = ("2>&-", "2>/dev/full", "0<&-", "0<&- 2>&-")


def names(group: click.Group, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from names(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def start(data: Path, streams: str, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """Start a command whose streams a shell has redirected; what it does not redirect is a pipe."""
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", *arguments]
    environment = {**os.environ, "DATA_DIR": str(data), "PYTHONDONTWRITEBYTECODE": "1", **settings}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=data.parent, start_new_session=True, **pipes)


def ended(running: subprocess.Popen[str]) -> Ending:
    try:
        out, said = running.communicate(timeout=SECONDS)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    return Ending(running.returncode, out, said)


def run(data: Path, streams: str, name: str) -> Ending:
    return ended(start(data, streams, "inventory.cli", *name.split(), *CASES[name].arguments))


def until(running: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    until_then = time.monotonic() + SECONDS
    while not condition():
        assert running.poll() is None, ended(running)
        assert time.monotonic() < until_then
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/readiness", timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams") / "data"
    folder.mkdir()
    (folder.parent / "stock.csv").write_text(STOCK)
    stated = CliRunner().invoke(main, ["import", str(folder.parent / "stock.csv"), "--data-dir", str(folder)])
    assert stated.exit_code == 0
    return folder


def test_every_command_is_tried() -> None:
    assert set(names(main)) == {*CASES, *UNTIL_TOLD}


@pytest.mark.parametrize("streams", WITH_OUTPUT)
@pytest.mark.parametrize("name", CASES)
def test_without_a_place_for_messages_a_command_does_its_work_and_gives_its_result(
    data: Path, name: str, streams: str
) -> None:
    ending = run(data, streams, name)
    assert ending.status == CASES[name].status
    assert bool(ending.out) == (ending.status == 0)


@pytest.mark.parametrize("streams", WITHOUT_OUTPUT)
@pytest.mark.parametrize("name", CASES)
def test_without_a_place_for_its_result_a_command_ends_with_status_1_and_says_so(
    data: Path, name: str, streams: str
) -> None:
    ending = run(data, streams, name)
    assert (ending.status, "Traceback" in ending.said) == (1, False)
    if "2>" not in streams and not CASES[name].status:
        assert "Error: standard output: " in ending.said


@pytest.mark.parametrize("streams", ["1>/dev/full", "1>&-"])
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_that_cannot_be_written_is_an_error_without_a_trace(data: Path, option: str, streams: str) -> None:
    ending = ended(start(data, streams, "inventory.cli", option))
    assert (ending.status, "Traceback" in ending.said) == (1, False)
    assert "Error: standard output: " in ending.said


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-"])
def test_wrong_usage_has_its_status_whether_it_can_be_told_or_not(data: Path, streams: str) -> None:
    assert ended(start(data, streams, "inventory.cli", "sync", "--nonsense")).status == 2


@pytest.mark.parametrize("streams", [*WITH_OUTPUT, *WITHOUT_OUTPUT])
@pytest.mark.parametrize("server", ["inventory.cli", "gunicorn"])
def test_a_server_serves_and_ends_with_status_0_and_no_line_of_its_log_is_in_a_file(
    tmp_path: Path, server: str, streams: str
) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    by_gunicorn = ("gunicorn", "-c", "python:inventory.server.gunicorn_conf", "inventory.web.wsgi:app")
    call = by_gunicorn if server == "gunicorn" else ("inventory.cli", "serve", "--demo")
    running = start(data, streams, *call, PORT=str(port), WEB_CONCURRENCY="1", THREADS="2")
    until(running, lambda: answers(port))
    running.send_signal(signal.SIGTERM)
    assert ended(running).status == 0
    for path in data.rglob("*"):
        assert path.is_dir() or b"inventory.request" not in path.read_bytes()


@pytest.mark.parametrize("streams", [*WITH_OUTPUT, *WITHOUT_OUTPUT])
def test_the_worker_apart_works_and_ends_with_status_0(data: Path, streams: str) -> None:
    view = data / "store-inventory.json"
    view.unlink(missing_ok=True)
    running = start(data, streams, "inventory.cli", "worker", SYNC_INTERVAL_MS="100")
    until(running, view.exists)
    running.send_signal(signal.SIGTERM)
    assert ended(running).status == 0
