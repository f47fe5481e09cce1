"""What a process does beside its requests, or instead of any: one thread for each thing that comes round again."""

import logging
import threading
import time

from inventory.bootstrap import Services
from inventory.worker.periodic_thread import PeriodicThread

_log = logging.getLogger("inventory.sync")


class Background:
    """The periodic actions of ``Services``, and the pass at the end. For servers and for ``inventory worker``."""

    def __init__(self, services: Services) -> None:
        self._sync = services.sync
        self._threads = [PeriodicThread(name, action) for name, action in services.periodic_actions().items()]

    @property
    def names(self) -> list[str]:
        """What is done."""
        return [thread.name for thread in self._threads]

    def start(self) -> None:
        """Begin; after the fork."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Say that nothing new shall begin; returns at once."""
        for thread in self._threads:
            thread.stop()

    def finish(self, seconds: float) -> None:
        """Stop, publish what is not published yet, and let what is at work end; all within so many seconds.

        What takes longer is left in the middle, which does no harm: files are replaced whole or not at all.
        A failure is logged and not raised.
        """
        until = time.monotonic() + seconds
        self.stop()
        # In a thread, because the time that a disk takes has no bound.
        last = threading.Thread(target=self._publish, args=(seconds,), name="last-sync", daemon=True)
        last.start()
        last.join(seconds)
        if last.is_alive():
            _log.warning("the last pass was not done within %g s and is given up", seconds)
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _publish(self, seconds: float) -> None:
        try:
            if self._sync.age_ms() == 0:
                return
            result = self._sync.sync_once(wait_ms=int(seconds * 1000))
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends as it was told to
            _log.warning("the last pass failed", extra={"reason": f"{type(error).__name__}: {error}"})
        else:
            _log.info("published a last time", extra={"asOfSequence": result.as_of_sequence})
