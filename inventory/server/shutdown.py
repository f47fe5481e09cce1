"""Graceful shutdown: which signals begin it, and how long each part of it may take."""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from inventory.settings import Settings

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_AFTER_A_COMMIT_SECONDS = 10
LAST_SYNC_SECONDS = 7.0
"""For the last pass. Together with the log lines, less than the 10 s after which a silent worker counts as frozen."""
END_SECONDS = 10
"""How long the master waits for a worker after its requests: the last pass, the log lines, and a second."""


def drain_seconds(settings: Settings) -> int:
    """How long a worker that ends waits for its requests in progress: a change waits for its commit, and answers."""
    return settings.commit_wait_ms // 1000 + _AFTER_A_COMMIT_SECONDS


def end_gently_on_sigint(on_stopping: Callable[[], None] = lambda: None) -> None:
    """Let the first SIGINT end this process like SIGTERM, and a second signal quickly, through its own handler.

    For a master, and for gunicorn's own worker: gunicorn treats SIGINT as a quick shutdown, which drops idle
    connections and does nothing after the requests.

    :param on_stopping: called with the first signal.
    """
    usual: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def first(number: int, frame: FrameType | None) -> None:
        for each, handler in usual.items():
            signal.signal(each, handler)
        on_stopping()
        usual[signal.SIGTERM](signal.SIGTERM, frame)

    for each in usual:
        signal.signal(each, first)


def let_signals_end_booting_workers() -> None:
    """Let signals end a worker that this process, a master, has just forked and that has no handlers of its own yet.

    Otherwise they would be lost: the worker begins with the handlers of its master, which queue a signal for a main
    loop that only the master has, and a signal that arrives before Python has put the fork behind it is dropped
    (``PyOS_AfterFork_Child`` clears what is pending). So they are blocked across the fork. Call it once, for good.
    """

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def begin_as_worker() -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        unblock()

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING),
        after_in_parent=unblock,
        after_in_child=begin_as_worker,
    )
