"""The end of a server: which signals begin it, and how long each part of it may take."""

import signal
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from inventory.settings import Settings

_AFTER_A_COMMIT_SECONDS = 10
LAST_SYNC_SECONDS = 7.0
"""For the last pass. With the time for the log lines less than the 10 s after which a lone worker counts as frozen."""
END_SECONDS = 10
"""What the master waits for a worker beyond its requests: the last pass, the log lines, and a second."""


def drain_seconds(settings: Settings) -> int:
    """How long a worker that ends waits for the requests it has begun: a change waits for its commit, and answers."""
    return settings.commit_wait_ms // 1000 + _AFTER_A_COMMIT_SECONDS


def end_gently_on_sigint(on_stopping: Callable[[], None] = lambda: None) -> None:
    """Have the first SIGINT end this process as SIGTERM does, and a second signal as its own handler does: quickly.

    For a master, and for a worker of gunicorn's own: gunicorn takes SIGINT for the quick way, at which idle connections
    are dropped and nothing comes after the requests.

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
    """Let signals end a worker that has just been forked: until it sets its own handlers, they would be lost on it.

    It has the master's until then, and would queue a signal that only a master takes up.

    :param pending: those that it has queued already, since the fork or just before it.
    :raises SystemExit: one of them ends it.
    """
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)
    if any(number in numbers for number in pending):
        sys.exit(0)
