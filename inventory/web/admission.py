"""What surrounds every request, whatever becomes of it: its id, its log line, its counters."""

import re
from collections.abc import Callable, Iterable
from time import perf_counter_ns
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from inventory.web import logs
from inventory.web.metrics import Metrics

REQUEST_ID = "inventory.request_id"
"""Where the WSGI environment holds the request's id."""

_GIVEN_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Admission:
    """A thin WSGI layer around the application: one step before a request and one after it."""

    def __init__(self, app: WsgiApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = perf_counter_ns()
        request_id = _request_id(environ)
        environ[REQUEST_ID] = request_id
        token = logs.request_id.set(request_id)
        status = 500

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            headers.append(("X-Request-Id", request_id))
            return start_response(line, headers, exc_info) if exc_info else start_response(line, headers)

        try:
            return self._app(environ, start)
        finally:
            took = perf_counter_ns() - started
            method = environ["REQUEST_METHOD"]
            if logs.requests_are_logged():
                logs.log_request(method, _url(environ), status, took, request_id)
            self._metrics.request_done(method, status, took)
            logs.request_id.reset(token)


def _request_id(environ: dict[str, Any]) -> str:
    given: str | None = environ.get("HTTP_X_REQUEST_ID")
    return given if given is not None and _GIVEN_ID.fullmatch(given) else uuid4().hex


def _url(environ: dict[str, Any]) -> str:
    raw: str | None = environ.get("RAW_URI")  # gunicorn's: the request line as it came, still escaped
    if raw is not None:
        return raw
    path = quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), encoding="latin-1")
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
