"""What every request passes: its id, the request limits, its log line, its counters."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import perf_counter_ns
from typing import Any

from inventory.web import logs
from inventory.web.deferred_answer import Deferred, LateRefusal
from inventory.web.metrics import Metrics
from inventory.web.problems import SAFE, answer_to
from inventory.web.request_id import REQUEST_ID, request_id_of
from inventory.web.request_limits import RequestLimits
from inventory.web.routing import note_path

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Admission:
    """A thin WSGI layer around the application: one step before a request and one after it."""

    def __init__(self, app: WsgiApp, metrics: Metrics, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        exchange = _AdmittedRequest(environ, start_response, self._metrics)
        token = logs.request_id.set(exchange.request_id)
        ends_later = entered = is_bulk = False
        try:
            if exchange.method not in SAFE:
                refusal, exchange.further, entered, is_bulk = self._limits.enter(environ)
                if refusal is not None:
                    if is_bulk:
                        late = LateRefusal(refusal)(environ, exchange.start)
                        late.ended, ends_later = exchange.end, True
                        return late
                    return answer_to(refusal, environ)(environ, exchange.start)
            answering = self._app(environ, exchange.start)
            if isinstance(answering, Deferred):
                answering.ended = partial(self._end_bulk, exchange) if is_bulk else exchange.end
                ends_later = True
            return answering
        finally:
            # A change that only waits for its commit occupies no thread.
            if entered:
                self._limits.leave()
            if not ends_later:
                if is_bulk:
                    self._limits.leave_bulk()
                exchange.end()
            logs.request_id.reset(token)

    def _end_bulk(self, exchange: "_AdmittedRequest") -> None:
        self._limits.leave_bulk()
        exchange.end()


class _AdmittedRequest:
    """One request and its answer: what is needed to identify, count and log them."""

    __slots__ = ("_metrics", "_start_response", "_started", "_status", "_target", "further", "method", "request_id")

    def __init__(self, environ: dict[str, Any], start_response: Any, metrics: Metrics) -> None:
        self._started = perf_counter_ns()
        self._start_response, self._metrics = start_response, metrics
        self.request_id = environ[REQUEST_ID] = request_id_of(environ)
        self._target = note_path(environ)
        self.method = environ["REQUEST_METHOD"]
        self.further: Sequence[tuple[str, str]] = ()
        self._status = 500

    def start(self, line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """``start_response`` of WSGI, with the headers of every answer."""
        self._status = int(line[:3])
        headers.append(("X-Request-Id", self.request_id))
        headers.extend(self.further)
        return self._start_response(line, headers, exc_info) if exc_info else self._start_response(line, headers)

    def end(self) -> None:
        """Log and count the request."""
        took = perf_counter_ns() - self._started
        if logs.requests_are_logged():
            logs.log_request(self.method, self._target, self._status, took, self.request_id)
        self._metrics.request_done(self.method, self._status, took)
