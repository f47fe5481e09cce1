"""Work that comes round again: the sync pass, the upkeep of the log."""

import logging
import threading
from collections.abc import Callable

INTERVAL_SECONDS = 0.5
"""How often it looks whether there is something to do: where one process dies, another is at it within 1 s."""


class PeriodicThread:
    """Calls ``action`` again and again, in a daemon thread. No error ends it.

    :ivar name: what it does, in a word. :ivar failures: how many calls have failed.
    """

    def __init__(self, name: str, action: Callable[[], object], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.name = name
        self.failures = 0
        self._action = action
        self._interval = interval_seconds
        self._log = logging.getLogger(f"inventory.{name}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with a first call at once."""
        self._thread.start()

    def stop(self) -> None:
        """Say that no further call shall begin; returns at once, while one may still be at work."""
        self._stopping.set()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end after ``stop``; returns whether it came."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._action()
            except Exception as error:  # noqa: BLE001 - it must go on when the cause is gone
                self.failures += 1
                self._log.warning(
                    "a pass failed",
                    extra={"reason": f"{type(error).__name__}: {error}", "failures": self.failures},
                )
            self._stopping.wait(self._interval)
