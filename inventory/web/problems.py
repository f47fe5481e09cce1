"""Every refusal and failure as ``application/problem+json`` (RFC 9457)."""

import logging
from typing import Any

import orjson
from flask import Flask, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RoutingException

from inventory.domain.errors import FailureOutcome, InventoryError, Unavailable
from inventory.web.answers import Answer, Headers
from inventory.web.error_codes import CODES
from inventory.web.error_statuses import (
    INTERNAL,
    ROUTING,
    UNKNOWN_PATH,
    Row,
    next_step,
    readable,
    retry_after_ms,
    row_of,
)
from inventory.web.request_errors import RequestTimeout
from inventory.web.request_id import REQUEST_ID
from inventory.web.routing import PATH

PROBLEM_JSON = "application/problem+json"
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that change nothing (RFC 9110 section 9.2.1). All others pass the request limits."""
_SAME_KEY = "it may or may not have happened: repeat it with the same Idempotency-Key"
_READ_FIRST = "it may or may not have happened: read the record before you repeat it"
_EARLIER = (
    "this request changed nothing, but its key was not looked up, so an earlier request with that key may have: repeat"
    " it with the same Idempotency-Key"
)
_FAULT = "unexpected error; the log of the service has it under this requestId"
_LONGEST_DETAIL = 2000
_log = logging.getLogger("inventory.web")


def register(app: Flask) -> None:
    """Answer everything that a view raises, and every unknown route, with a problem."""
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, lambda error: answer_to(error, request.environ))


def answer_to(error: Exception, environ: dict[str, Any]) -> Answer:
    """The answer to a request for which ``error`` was raised, in the application or before it."""
    row = row_of(error) if isinstance(error, InventoryError) else INTERNAL
    if row is INTERNAL:
        # The cause goes to the log, under the id of the request, and nowhere else.
        _log.error("%s %r failed", environ["REQUEST_METHOD"], environ[PATH], exc_info=error)
        return _problem(row, _FAULT, CODES[row.code].next_step, {"outcome": _outcome(None, environ)}, (), environ)
    outcome = _outcome(error, environ)
    further = row.extras(error)
    if outcome is not None:
        further["outcome"] = outcome
    wait_ms = retry_after_ms(error)
    if wait_ms is not None:
        further["retryAfterMs"] = wait_ms
    return _problem(row, _told(error, outcome, environ), next_step(error, row), further, row.headers(error), environ)


def is_keyed(environ: dict[str, Any]) -> bool:
    """Whether the request has an idempotency key, valid or not."""
    return "HTTP_IDEMPOTENCY_KEY" in environ


def _outcome(error: Exception | None, environ: dict[str, Any]) -> FailureOutcome | None:
    """Whether a change may have happened; ``None`` if the code alone says that it has not.

    :param error: ``None`` for an unexpected error, after which that is unknown.
    """
    if environ["REQUEST_METHOD"] in SAFE:
        return "none" if error is None or isinstance(error, Unavailable) else None
    match error:
        case None:
            return "unknown"
        case Unavailable():
            return error.outcome_for(keyed=is_keyed(environ))
        case RequestTimeout():
            return "unknown" if is_keyed(environ) else "none"
        case _:
            return None


def _on_http_exception(error: HTTPException) -> Answer | HTTPException:
    if isinstance(error, RoutingException):
        return error
    status = error.code or 500
    # Flask raises any other status only because of the request.
    code = ROUTING.get(status, ROUTING[400])
    headers: Headers = ()
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers = (("Allow", ", ".join(sorted(error.valid_methods))),)
    told = _routing_detail(status, error)
    # The code is that of unknown names, too, whose step is another.
    step = UNKNOWN_PATH if status == 404 else CODES[code].next_step
    return _problem(Row(status, code), told, step, {}, headers, request.environ)


def _told(error: Exception, outcome: FailureOutcome | None, environ: dict[str, Any]) -> str:
    if outcome != "unknown":
        return str(error)
    if getattr(error, "outcome", "none") == "none":
        return f"{error}; {_EARLIER}"
    return f"{error}; {_SAME_KEY if is_keyed(environ) else _READ_FIRST}"


def _routing_detail(status: int, error: HTTPException) -> str:
    match status:
        case 404:
            return "no such path"
        case 405:
            return f"{request.method[:20]} is not allowed here; see the header Allow"
        case _:
            return error.description or error.name


def _problem(
    row: Row, detail: str, step: str, extras: dict[str, Any], headers: Headers, environ: dict[str, Any]
) -> Answer:
    detail = readable(detail, _LONGEST_DETAIL)
    body = {
        "type": f"/problems/{row.code}",
        "title": CODES[row.code].title,
        "status": row.status,
        "detail": detail,
        "error": row.code,
        "message": detail,
        "nextStep": step,
        "requestId": environ[REQUEST_ID],
        **extras,
    }
    return Answer(orjson.dumps(body), row.status, headers, PROBLEM_JSON)
