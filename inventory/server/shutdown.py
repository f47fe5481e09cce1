"""Graceful shutdown: which signals begin it, and how long each part of it may take."""

import signal
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from inventory.settings import Settings

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


def end_at_once_while_booting(pending: Collection[int]) -> None:
    """Let signals end a worker that was just forked: until it installs its own handlers, they would be lost.

    Until then it has the handlers of the master, and would queue a signal that only a master processes.

    :param pending: the signals that it has already queued, since the fork or just before it.
    :raises SystemExit: one of them ends it.
    """
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)
    if any(number in numbers for number in pending):
        sys.exit(0)
