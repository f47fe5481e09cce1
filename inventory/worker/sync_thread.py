"""The sync worker as a thread of each web worker."""

import logging
import threading
from typing import Protocol

from inventory.service.sync import SyncResult

INTERVAL_SECONDS = 0.5
"""How often it looks whether a pass is due: when the process that publishes dies, another is there within 1 s."""

_log = logging.getLogger("inventory.sync")


class DueSync(Protocol):
    """What the thread asks of the sync pass."""

    def sync_if_due(self) -> SyncResult | None:
        """Run a pass if one is due and nobody else is at it."""


class SyncThread:
    """Calls ``sync_if_due`` again and again, in a daemon thread. No error ends it.

    :ivar failures: how many calls have failed.
    """

    def __init__(self, sync: DueSync, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.failures = 0
        self._sync = sync
        self._interval = interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    def start(self) -> None:
        """Begin, with a first call at once."""
        self._thread.start()

    def stop(self) -> None:
        """Say that no further call shall begin; returns at once, while a pass may still be at work."""
        self._stopping.set()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end after ``stop``; returns whether it came."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._sync.sync_if_due()
            except Exception as error:  # noqa: BLE001 - the views must follow again when the cause is gone
                self.failures += 1
                _log.warning(
                    "a sync pass failed",
                    extra={"reason": f"{type(error).__name__}: {error}", "failures": self.failures},
                )
            self._stopping.wait(self._interval)
