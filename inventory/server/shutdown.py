"""The end of a server: which signals begin it, and how long each part of it may take."""

import signal
import sys
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


def end_gently_on_sigint(master: Any) -> None:
    """Have the first SIGINT end a master as SIGTERM does, and only a second signal end it quickly.

    gunicorn takes SIGINT for the quick way, at which idle connections are dropped and nothing comes after the requests.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)

    def first(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, master.signal)
        master.signal(signal.SIGTERM, frame)

    for each in numbers:
        signal.signal(each, first)


def end_at_once_while_booting(master: Any) -> None:
    """Let signals end a worker that has just been forked: until it sets its own handlers, they would be lost on it.

    It has the master's until then, and would queue a signal that only a master takes up.

    :raises SystemExit: one has come already, since the fork or just before it.
    """
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)
    while not master.SIG_QUEUE.empty():
        if master.SIG_QUEUE.get_nowait() in numbers:
            sys.exit(0)
