"""Which signals end a master, and how."""

import signal
from collections.abc import Iterator
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from inventory.settings import Settings
from inventory.worker.configuration import configuration
from inventory.worker.ending import (
    LAST_SYNC_SECONDS,
    drain_seconds,
    end_at_once_while_booting,
    end_gently_on_sigint,
)
from inventory.worker.hooks import Hooks

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture
def taken() -> Iterator[list[int]]:
    """What a master takes up, which has its own handlers and then ours."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    received: list[int] = []
    master = SimpleNamespace(signal=lambda number, _: received.append(number))
    for number in SIGNALS:
        signal.signal(number, master.signal)
    end_gently_on_sigint(master)
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


def test_a_signal_ends_a_worker_that_has_no_handlers_yet(taken: list[int]) -> None:
    end_at_once_while_booting(SimpleNamespace(SIG_QUEUE=SimpleQueue()))
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL] * 3


@pytest.mark.parametrize("commit_wait_ms", [2000, 60_000])
def test_the_last_pass_is_inside_the_patience_of_the_master(commit_wait_ms: int) -> None:
    settings = Settings(commit_wait_ms=commit_wait_ms)
    patience = configuration(settings, Hooks(settings))["graceful_timeout"]
    assert drain_seconds(settings) > commit_wait_ms / 1000
    assert drain_seconds(settings) + LAST_SYNC_SECONDS < patience
