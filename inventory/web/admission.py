"""What surrounds every request, whatever becomes of it: its id, the gates, its log line, its counters."""

from collections.abc import Callable, Iterable
from time import perf_counter_ns
from typing import Any
from urllib.parse import quote

from inventory.web import logs
from inventory.web.answers import Headers
from inventory.web.gates import SAFE, Gates
from inventory.web.metrics import Metrics
from inventory.web.problems import refusal_answer
from inventory.web.request_id import REQUEST_ID, request_id_of

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Admission:
    """A thin WSGI layer around the application: one step before a request and one after it."""

    def __init__(self, app: WsgiApp, metrics: Metrics, gates: Gates) -> None:
        self._app = app
        self._gates = gates
        self._metrics = metrics

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = perf_counter_ns()
        request_id = request_id_of(environ)
        environ[REQUEST_ID] = request_id
        token = logs.request_id.set(request_id)
        method = environ["REQUEST_METHOD"]
        status, entered = 500, False
        further: Headers = ()

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            headers.append(("X-Request-Id", request_id))
            headers.extend(further)
            return start_response(line, headers, exc_info) if exc_info else start_response(line, headers)

        try:
            if method not in SAFE:
                refusal, further, entered = self._gates.enter(environ)
                if refusal is not None:
                    return refusal_answer(refusal, request_id)(environ, start)
            return self._app(environ, start)
        finally:
            took = perf_counter_ns() - started
            if entered:
                self._gates.leave()
            if logs.requests_are_logged():
                logs.log_request(method, _url(environ), status, took, request_id)
            self._metrics.request_done(method, status, took)
            logs.request_id.reset(token)


def _url(environ: dict[str, Any]) -> str:
    raw: str | None = environ.get("RAW_URI")  # gunicorn's: the request line as it came, still escaped
    if raw is not None:
        return raw
    path = quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), encoding="latin-1")
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
