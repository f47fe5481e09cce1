"""Logging: what this process logs is queued, and a thread writes it."""

import atexit
import logging
from contextvars import ContextVar
from time import time_ns

from inventory.web.line_writer import LineWriter
from inventory.web.log_limits import LONGEST_URL, WarningLimit, shortened
from inventory.web.log_lines import RequestLine, formatter

STDOUT = 1

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this thread handles."""


class _QueuedLines(logging.Handler):
    """Passes records to the writer, completed with what only the logging thread knows."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self.writer = writer
        self.addFilter(WarningLimit())
        self.addFilter(_add_request_id)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # Formatted now: the arguments may have changed when the line is written.
            record.msg, record.args = record.getMessage(), None
            self.writer.put(record)
        except Exception:  # noqa: BLE001 - as every handler: a wrong log call must not fail its caller
            self.handleError(record)


class _Configured:
    """The logging of the process. The standard library also has one for each process."""

    handler: _QueuedLines | None = None
    logs_requests = False


def configure_logging(level: str, form: str, descriptor: int = STDOUT) -> LineWriter:
    """Send everything that is logged in this process, from ``level`` on, to ``descriptor``, in the form of LOG_FORMAT.

    May be called again, and before a fork: the thread starts with the first line in each process.
    """
    stop()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    writer = LineWriter(descriptor, formatter(form, descriptor).line)
    handler = _QueuedLines(writer)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(threshold)
    _Configured.handler = handler
    _Configured.logs_requests = threshold <= logging.INFO
    atexit.register(stop)
    return writer


def requests_are_logged() -> bool:
    """Whether a line for each request is wanted."""
    return _Configured.logs_requests


def log_request(method: str, url: str, status: int, took_ns: int, request: str) -> None:
    """Log one request that has ended just now. Never blocks: if the queue is full, the line is dropped and counted."""
    if _Configured.handler is not None:
        if len(url) > LONGEST_URL:
            url = shortened(url, LONGEST_URL)
        _Configured.handler.writer.put(RequestLine(method, url, status, took_ns, request, time_ns()))


def dropped_lines() -> int:
    """The number of lines that this process has lost because its output was too slow, or failed."""
    return _Configured.handler.writer.dropped if _Configured.handler is not None else 0


def flush(timeout: float = 2.0) -> bool:
    """Wait until what was logged before is written; ``False`` if that takes longer than ``timeout`` seconds.

    Summary lines of suppressed lines are written first.
    """
    WarningLimit.tell(at_once=True)
    return _Configured.handler is None or _Configured.handler.writer.flush(timeout)


def stop(timeout: float = 2.0) -> None:
    """Write what is queued and remove the handler; do nothing if there is none."""
    handler, _Configured.handler, _Configured.logs_requests = _Configured.handler, None, False
    if handler is not None:
        logging.getLogger().removeHandler(handler)
        handler.writer.stop(timeout)
        atexit.unregister(stop)


def _add_request_id(record: logging.LogRecord) -> bool:
    if not hasattr(record, "requestId"):
        record.requestId = request_id.get()
    return True
