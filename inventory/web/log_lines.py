"""How a line of the log looks: a JSON object, `time` first, or text for people."""

import json
import logging
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from inventory.domain.values import Instant, format_instant
from inventory.web.log_limits import LONGEST_TEXT, shortened, shortened_trace

_TRACES = frozenset(("exc_info", "stack_info"))
_COLOURS = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
_PLAIN = frozenset(("gunicorn.error", "root"))
_RESERVED = frozenset((*RESERVED_ATTRS, "requestId"))


class RequestLine(NamedTuple):
    """One request that was answered.

    :ivar url: still escaped, with its query; cut if it is long.
    :ivar took_ns: how long the application took. :ivar at_ns: when it finished, since 1970.
    """

    method: str
    url: str
    status: int
    took_ns: int
    request_id: str
    at_ns: int


class LineFormatter(OrjsonFormatter):
    """Formats records as python-json-logger does, and request lines without a record.

    Measured: 10 µs for a record, including its creation, 4 µs for a request line.
    """

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message", "requestId"], rename_fields={"levelname": "level", "name": "logger"}
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["time"] = format_instant(Instant(int(record.created * 1_000_000)))
        super().add_fields(log_data, record, message_dict)
        # A client chose much of the content.
        for name, value in log_data.items():
            if isinstance(value, str):
                log_data[name] = shortened_trace(value) if name in _TRACES else shortened(value, LONGEST_TEXT)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        try:
            return super().jsonify_log_record(log_data)
        except TypeError:
            # orjson refuses lone surrogates and integers beyond 64 bits; the line must not be lost.
            return json.dumps(log_data, default=repr)

    def line(self, item: logging.LogRecord | RequestLine) -> str:
        """Format a record or a request line."""
        return self.request_line(item) if isinstance(item, RequestLine) else self.format(item)

    def request_line(self, line: RequestLine) -> str:
        """Format one request."""
        return self.jsonify_log_record(
            {
                "time": format_instant(Instant(line.at_ns // 1000)),
                "level": "INFO",
                "logger": "inventory.request",
                "method": line.method,
                "url": line.url,
                "status": line.status,
                "durationMs": round(line.took_ns / 1_000_000, 3),
                "requestId": line.request_id,
            }
        )


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Whether the terminal may get colours: https://no-color.org."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"


class TextFormatter(logging.Formatter):
    """Formats records and request lines as text: one line each; the trace of an error follows, indented.

    No text of a client can begin a line, or control the terminal.

    :param coloured: show the level of warnings and errors in colour.
    """

    def __init__(self, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def line(self, item: logging.LogRecord | RequestLine) -> str:
        """Format a record or a request line."""
        return self.request_line(item) if isinstance(item, RequestLine) else self.format(item)

    def request_line(self, line: RequestLine) -> str:
        """Format one request."""
        took = f"{line.took_ns / 1_000_000:.1f} ms"
        said = f"{line.method} {line.url} {line.status} {took} {line.request_id}"
        return self._joined(line.at_ns // 1000, "INFO", said)

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        said = shortened(record.getMessage(), LONGEST_TEXT)
        if record.name not in _PLAIN:
            said = f"{record.name}: {said}"
        extras = {name: value for name, value in vars(record).items() if name not in _RESERVED}
        request = getattr(record, "requestId", None)
        if request is not None:
            extras["requestId"] = request
        for name, value in extras.items():
            said += f" {name}={shortened(str(value), LONGEST_TEXT)}"
        return "\n".join([self._joined(int(record.created * 1_000_000), record.levelname, said), *self._trace(record)])

    def _trace(self, record: logging.LogRecord) -> list[str]:
        found = [] if not record.exc_info else [self.formatException(record.exc_info)]
        if record.stack_info:
            found.append(record.stack_info)
        lines = shortened_trace("\n".join(found)).split("\n") if found else []
        return [f"    {_printable(line)}" for line in lines]

    def _joined(self, micros: int, level: str, said: str) -> str:
        shown = f"{level:<7}"
        if self._coloured and level in _COLOURS:
            shown = f"\x1b[{_COLOURS[level]}m{shown}\x1b[0m"
        return f"{format_instant(Instant(micros))} {shown} {_printable(said)}"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def formatter(form: str, descriptor: int) -> LineFormatter | TextFormatter:
    """Return the formatter for the lines that are written to ``descriptor``.

    :param form: as the setting LOG_FORMAT says.
    """
    on_terminal = os.isatty(descriptor)
    if form == "text" or (form == "auto" and on_terminal):
        return TextFormatter(coloured=on_terminal and wants_colour(os.environ))
    return LineFormatter()
