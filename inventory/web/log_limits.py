"""Bounds on what clients can cause in the log: the length of a line, and the number of warnings of one kind."""

import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import ClassVar

from inventory.resilience.counter import LocalCounter

LONGEST_URL = 256
LONGEST_TEXT = 1_000
LONGEST_TRACE = 8_000
"""Characters. The end of a trace is kept, which says what was raised."""
LINES_AT_MOST = 10
INTERVAL_SECONDS = 10.0

_Kind = tuple[str, int]


def shortened(text: str, at_most: int) -> str:
    """Cut a text after ``at_most`` characters, and append its original length."""
    return text if len(text) <= at_most else f"{text[:at_most]}… ({len(text)} characters)"


def shortened_trace(text: str) -> str:
    """Cut the beginning of a trace."""
    return text if len(text) <= LONGEST_TRACE else f"…{text[-LONGEST_TRACE:]}"


class _Interval:
    __slots__ = ("last", "left_out", "until", "written")

    def __init__(self, until: float) -> None:
        self.until = until
        self.written = 1
        self.left_out = 0
        self.last: logging.LogRecord | None = None


class WarningLimit(logging.Filter):
    """Lets 10 warnings of one kind through in 10 seconds; then one line says how many were suppressed.

    A kind is a place in the code. Errors are never suppressed: a 500 promises that its cause is in the log.
    """

    _all: ClassVar["weakref.WeakSet[WarningLimit]"] = weakref.WeakSet()
    _count: ClassVar[LocalCounter] = LocalCounter()
    # Read in each round of a worker's main loop.
    _something_is_left_out: ClassVar[bool] = False

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._guard = threading.Lock()
        self._kinds: dict[_Kind, _Interval] = {}
        self._all.add(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        if record.levelno != logging.WARNING or hasattr(record, "leftOut"):
            return True
        now, kind = self._clock(), (record.pathname, record.lineno)
        with self._guard:
            interval = self._kinds.get(kind)
            over = interval is not None and interval.until <= now
            if interval is None or over:
                self._kinds[kind] = _Interval(now + INTERVAL_SECONDS)
            elif interval.written < LINES_AT_MOST:
                interval.written += 1
            else:
                interval.left_out += 1
                interval.last = record
                WarningLimit._something_is_left_out = True
                self._count()
                return False
        if interval is not None and over:
            _tell(interval)
        return True

    @classmethod
    def tell(cls, at_once: bool = False) -> None:
        """Write the summary of each kind whose interval is over; ``at_once``: of every kind with suppressed lines."""
        if not cls._something_is_left_out:
            return
        # First: lines that are suppressed later set it again.
        cls._something_is_left_out = False
        for limit in list(cls._all):
            limit._end(at_once)

    def _end(self, at_once: bool) -> None:
        now = self._clock()
        with self._guard:
            over = [kind for kind, interval in self._kinds.items() if at_once or interval.until <= now]
            intervals = [self._kinds.pop(kind) for kind in over]
            if any(interval.left_out for interval in self._kinds.values()):
                WarningLimit._something_is_left_out = True
        for interval in intervals:
            _tell(interval)

    @classmethod
    def count_with(cls, tally: LocalCounter) -> None:
        """Count each line that is suppressed in this process from now on."""
        cls._count = tally


def _tell(interval: _Interval) -> None:
    last = interval.last
    if last is None:
        return
    told = logging.makeLogRecord(
        {
            "name": last.name,
            "levelno": last.levelno,
            "levelname": last.levelname,
            "msg": f"{interval.left_out} similar lines were suppressed; the last: {last.getMessage()}",
            "leftOut": interval.left_out,
        }
    )
    logging.getLogger(last.name).handle(told)
