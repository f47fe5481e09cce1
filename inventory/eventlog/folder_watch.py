"""Checks the shared files, and the holder of the append lock, twenty times a second."""

import logging
import threading
import time
from collections.abc import Callable

from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.process_lock import Holder, kill_stopped, stopped_holder

INTERVAL_SECONDS = 0.05
"""How long, at most, a process still answers from memory after the header or a lock was replaced."""
_PATIENCE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.25
STOPPED_SECONDS = 2.0
"""A process that is stopped with the append lock for this long is killed: at most 3.5 s after others began to wait."""
_log = logging.getLogger(__name__)


class FolderWatch:
    """Detaches the shared header when a shared file was replaced; kills a process that is stopped with the append lock.

    Such a process would block all changes until its master kills it, or for ever if it has no master. The next writer
    adopts or cuts off what it had appended and not committed.
    """

    def __init__(
        self,
        shared: SharedHeader,
        lock: AppendLock,
        on_killed: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """:param on_killed: called for each killed process."""
        self._shared = shared
        self._lock = lock
        self._on_killed = on_killed
        self._monotonic = monotonic
        self._wait, self._next_look = (-1, ""), 0.0
        self._seen: tuple[Holder | None, float] = (None, 0.0)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder-watch", daemon=True)

    def start(self) -> None:
        """Start the thread. Call it after the fork."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; return when it has ended."""
        self._closing.set()
        self._thread.join()

    def look(self) -> None:
        """Check once."""
        if self._shared.lost is None:
            lost = self._shared.why_lost() or self._lock.why_lost()
            if lost is not None:
                _log.critical("%s: this process refuses all requests from now on, and exits", lost)
                self._shared.detach(lost)
        self._look_at_holder()

    def _look_at_holder(self) -> None:
        file, now = self._lock.waits_for, self._monotonic()
        wait = (self._lock.entries, file.name if file is not None else "")
        if file is None or wait != self._wait:
            self._wait, self._next_look, self._seen = wait, now + _PATIENCE_SECONDS, (None, now)
            return
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_AGAIN_SECONDS
        header = self._shared.status
        holder = stopped_holder(file.status, header)
        if holder != self._seen[0]:
            self._seen = (holder, now)
        elif (
            holder is not None and now - self._seen[1] >= STOPPED_SECONDS and kill_stopped(holder, file.status, header)
        ):
            _log.critical(
                "killed process %d: it was stopped while it held the lock on %s and blocked all changes; no confirmed"
                " change is lost",
                holder.pid,
                file.name,
            )
            self._on_killed()
            self._seen = (None, now)

    def _run(self) -> None:
        while not self._closing.wait(INTERVAL_SECONDS):
            try:
                self.look()
            except OSError as error:
                _log.error("cannot watch the data folder: %s", error)
                self._next_look = self._monotonic() + _PATIENCE_SECONDS
