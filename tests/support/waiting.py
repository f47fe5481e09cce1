"""Wait for a condition in another process: the only place where the tests let time pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
"""A condition that comes true costs no more of it than it takes, also beside a load on every core."""


def until(what: str, condition: Callable[[], T], *, within: float = PATIENCE_SECONDS, pause: float = 0.005) -> T:
    """Return the first true value of ``condition``.

    :raises AssertionError: it was not true within so many seconds; names ``what`` was waited for.
    """
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(pause)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started
