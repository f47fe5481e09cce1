"""What a log line looks like: one JSON object, `time` first."""

import json
import logging
from typing import Any, NamedTuple

from pythonjsonlogger.orjson import OrjsonFormatter

from inventory.domain.values import Instant, format_instant
from inventory.web.log_limits import LONGEST_TEXT, shortened, shortened_trace

_TRACES = frozenset(("exc_info", "stack_info"))


class RequestLine(NamedTuple):
    """One request that was answered.

    :ivar url: still escaped, with its query; cut where it is long.
    :ivar took_ns: how long the application was at it; :ivar at_ns: when it was done, since 1970.
    """

    method: str
    url: str
    status: int
    took_ns: int
    request_id: str
    at_ns: int


class LineFormatter(OrjsonFormatter):
    """Formats records as python-json-logger does, and request lines without the detour over a record.

    Measured: 10 µs for a record with the making of it, 4 µs for a request line.
    """

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message", "requestId"], rename_fields={"levelname": "level", "name": "logger"}
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["time"] = format_instant(Instant(int(record.created * 1_000_000)))
        super().add_fields(log_data, record, message_dict)
        # Much of what is told was chosen by a client.
        for name, value in log_data.items():
            if isinstance(value, str):
                log_data[name] = shortened_trace(value) if name in _TRACES else shortened(value, LONGEST_TEXT)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        try:
            return super().jsonify_log_record(log_data)
        except TypeError:
            # orjson takes no lone surrogates and no whole number beyond 64 bits; a line is too good to lose.
            return json.dumps(log_data, default=repr)

    def line(self, item: logging.LogRecord | RequestLine) -> str:
        """Format whichever it is."""
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
