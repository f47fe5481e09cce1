"""Periodic jobs: the sync pass and the maintenance of the log, in threads of a server or in ``inventory worker``."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from inventory.wiring import Services

INTERVAL_SECONDS = 0.5
"""How often a job checks whether there is something to do: if a process dies, another one takes over within 1 s."""


class PeriodicThread:
    """Calls ``action`` repeatedly, in a daemon thread. No error ends it.

    :ivar name: the job, in a word. :ivar failures: the number of failed calls.
    """

    def __init__(self, name: str, action: Callable[[], object], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.name = name
        self.failures = 0
        self._action = action
        self._interval = interval_seconds
        self._log = logging.getLogger(f"inventory.{name}")
        self._stopping = threading.Event()
        self._at_work = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start, with a first call at once."""
        self._thread.start()

    def stop(self) -> bool:
        """Let no further call begin; return at once whether a call may still be running."""
        self._stopping.set()
        return self._at_work.locked()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end after ``stop``; return whether it has ended."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._at_work:
                # Checked again under the lock: `stop` may have found it free just before.
                if not self._stopping.is_set():
                    self._call()
            self._stopping.wait(self._interval)

    def _call(self) -> None:
        try:
            self._action()
        except Exception as error:  # noqa: BLE001 - it must go on when the cause is gone
            self.failures += 1
            self._log.warning(
                "a pass failed",
                extra={"reason": f"{type(error).__name__}: {error}", "failures": self.failures},
            )


_log = logging.getLogger("inventory.sync")


class PeriodicJobs:
    """The periodic actions of ``Services``, and the pass at the end. For servers and for ``inventory worker``."""

    def __init__(self, services: Services) -> None:
        self._sync = services.sync
        self._threads = [PeriodicThread(name, action) for name, action in services.periodic_actions().items()]

    @property
    def names(self) -> list[str]:
        """The names of the jobs."""
        return [thread.name for thread in self._threads]

    def start(self) -> None:
        """Start the threads. Call it after the fork."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Let no job begin any more; return at once whether one may still be running."""
        at_work = [thread.stop() for thread in self._threads]
        return any(at_work)

    def finish(self, seconds: float) -> None:
        """Stop, publish what is not published yet, and wait for running jobs; all within ``seconds``.

        A job that takes longer is abandoned, which is harmless: files are replaced atomically. A failure is logged and
        not raised.
        """
        until = time.monotonic() + seconds
        at_work = self.stop()
        published = self._publish_by(until)
        ended = [thread.join(max(0.0, until - time.monotonic())) for thread in self._threads]
        if at_work and published and all(ended):
            # A job may have committed something after the pass: the expiry of reservations does.
            self._publish_by(until)

    def _publish_by(self, until: float) -> bool:
        """Publish what is not published yet; return whether everything is."""
        seconds, done = max(0.0, until - time.monotonic()), threading.Event()
        # In a thread, because a disk may take any time.
        last = threading.Thread(target=self._publish, args=(seconds, done), name="last-sync", daemon=True)
        last.start()
        last.join(seconds)
        if last.is_alive():
            _log.warning("the last pass did not finish in %g s; giving up", seconds)
        return done.is_set()

    def _publish(self, seconds: float, done: threading.Event) -> None:
        try:
            if self._sync.age_ms() != 0:
                result = self._sync.sync_once(wait_ms=int(seconds * 1000))
                _log.info("published for the last time", extra={"asOfSequence": result.as_of_sequence})
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends as it was told to
            _log.warning("the last pass failed", extra={"reason": f"{type(error).__name__}: {error}"})
        else:
            done.set()


END_SECONDS = 60.0
"""For running jobs and the last pass; supervisors kill later (systemd after 90 s)."""
TOLD, DIED = "told to", "cannot follow the log any more"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_worker_log = logging.getLogger("inventory.worker")


@contextmanager
def told_by_signals() -> Iterator[SimpleQueue[str]]:
    """Give a queue into which the first SIGTERM or SIGINT puts ``TOLD``; the second one ends the process at once.

    A SimpleQueue, because a signal may arrive while the main thread holds the lock of an Event.
    """
    endings: SimpleQueue[str] = SimpleQueue()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def told(number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        endings.put(TOLD)

    for number in _SIGNALS:
        signal.signal(number, told)
    try:
        yield endings
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(services: Services, endings: SimpleQueue[str]) -> bool:
    """Run the periodic jobs until there is an ending; return whether it was a signal.

    Then running jobs have finished and everything committed is published, or a log line says why not.
    """
    settings, background = services.settings, PeriodicJobs(services)
    background.start()
    _worker_log.info(
        "working",
        extra={
            "does": background.names,
            "dataDir": str(settings.data_dir),
            "syncIntervalMs": settings.sync_interval_ms,
            "snapshotEveryNEvents": settings.snapshot_every_n_events,
        },
    )
    if endings.get() == TOLD:
        background.finish(END_SECONDS)
        _worker_log.info("stopped as requested")
        return True
    background.stop()
    return False
