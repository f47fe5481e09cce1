"""Which signals end a master, and how; and the last steps of a worker, by the way in which it was ended."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from support.gunicorn_stand_ins import master, services, worker

from inventory.server import hooks as hooks_module
from inventory.server.gunicorn_settings import gunicorn_settings
from inventory.server.hooks import Hooks
from inventory.server.shutdown import LAST_SYNC_SECONDS, drain_seconds, end_gently_on_sigint
from inventory.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture
def taken() -> Iterator[list[int]]:
    """What a master takes up, which has its own handlers and then ours."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    received: list[int] = []
    master = SimpleNamespace(signal=lambda number, _: received.append(number))
    for number in SIGNALS:
        signal.signal(number, master.signal)
    end_gently_on_sigint()
    yield received
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_a_master_gently(taken: list[int], first: int) -> None:
    signal.raise_signal(first)
    assert taken == [signal.SIGTERM]


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_ctrl_c_is_the_quick_way(taken: list[int], first: int) -> None:
    signal.raise_signal(first)
    signal.raise_signal(signal.SIGINT)
    assert taken == [signal.SIGTERM, signal.SIGINT]


def test_sigquit_stays_the_quick_way(taken: list[int]) -> None:
    signal.raise_signal(signal.SIGQUIT)
    assert taken == [signal.SIGQUIT]


@pytest.mark.parametrize("commit_wait_ms", [2000, 60_000])
def test_the_last_pass_is_inside_the_patience_of_the_master(commit_wait_ms: int) -> None:
    settings = Settings(commit_wait_ms=commit_wait_ms)
    patience = gunicorn_settings(settings, Hooks(settings))["graceful_timeout"]
    assert drain_seconds(settings) > commit_wait_ms / 1000
    assert drain_seconds(settings) + LAST_SYNC_SECONDS < patience


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(Settings(data_dir=tmp_path))


def serving(hooks: Hooks, **given: Any) -> tuple[SimpleNamespace, Mock]:
    """A worker at work, and its sync, which has something to publish until it has done so."""
    sync = Mock(age_ms=lambda: 0 if sync.sync_once.called else 5)
    actions = {"sync": lambda: None, "maintenance": lambda: None}
    at_work = services(sync=sync, periodic_actions=lambda: actions)
    made = worker(wsgi=SimpleNamespace(extensions={"inventory": at_work}), **given)
    hooks.post_worker_init(made)
    return made, sync


def test_a_worker_whose_requests_are_done_publishes_a_last_time(hooks: Hooks) -> None:
    ending, sync = serving(hooks, drained=True)
    hooks.worker_exit(master(), ending)
    sync.sync_once.assert_called_once()


def test_a_worker_that_is_ended_quickly_publishes_nothing(hooks: Hooks) -> None:
    ending, sync = serving(hooks, drained=False)
    hooks.worker_exit(master(), ending)
    sync.sync_once.assert_not_called()


def test_the_lines_of_the_last_pass_are_written_before_the_worker_ends(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(hooks_module.logs, "flush", lambda: order.append("flushed"))
    ending, sync = serving(hooks, drained=True)
    sync.sync_once.side_effect = lambda **_: order.append("published") or SimpleNamespace(as_of_sequence=1)
    hooks.worker_exit(master(), ending)
    assert order == ["published", "flushed"]


_FORKS = """
import os, signal, sys, time
from inventory.server.shutdown import let_signals_end_booting_workers

# One core: the worker does not run before the signal is sent.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ending = int(sys.argv[1])
signal.signal(ending, lambda *_: None)
let_signals_end_booting_workers()
for _ in range(20):
    worker = os.fork()
    if not worker:
        time.sleep(20)
        os._exit(0)
    os.kill(worker, ending)
    if os.waitpid(worker, 0)[1] != ending:
        sys.exit("the signal was lost")
os.kill(os.getpid(), ending)
print("the master has its own handler, and nothing blocked:", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_worker_however_early_after_the_fork(number: int) -> None:
    done = subprocess.run([sys.executable, "-c", _FORKS, str(int(number))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the master has its own handler, and nothing blocked: set()\n"
