"""A process of its own for what servers do beside their requests: no HTTP, no gunicorn."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from inventory.bootstrap import Services
from inventory.worker.background import Background

END_SECONDS = 60.0
"""For what is at work and the last pass; supervisors kill later (systemd after 90 s)."""
TOLD, DIED = "told to", "the log can no longer be followed"

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger("inventory.worker")


@contextmanager
def told_by_signals() -> Iterator[SimpleQueue[str]]:
    """Give what SIGTERM and SIGINT put ``TOLD`` into, the first time; the second one ends the process at once.

    A SimpleQueue, because a signal may come while the main thread holds the lock of an Event.
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
    """Do what comes round again until there is an ending; returns whether it was the one that was asked for.

    Then what is at work has been finished and everything committed is published, or a line says why not.
    """
    settings, background = services.settings, Background(services)
    background.start()
    _log.info(
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
        _log.info("ended as told")
        return True
    background.stop()
    return False
