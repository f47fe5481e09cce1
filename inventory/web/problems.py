"""Every refusal and failure as ``application/problem+json`` (RFC 9457)."""

import logging
from typing import Any

import orjson
from flask import Flask, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RoutingException

from inventory.domain.errors import InventoryError, Unavailable
from inventory.web.answers import Answer, Headers
from inventory.web.errors import INTERNAL, ROUTING, Row, readable, row_of
from inventory.web.request_id import REQUEST_ID

PROBLEM_JSON = "application/problem+json"
_SAME_KEY = "it may or may not have happened: repeat it with the same Idempotency-Key"
_READ_FIRST = "it may or may not have happened: read the record before you repeat it"
_FAULT = "an unexpected error, which is in the log under this requestId"
_LONGEST_DETAIL = 2000
_log = logging.getLogger("inventory.web")


def register(app: Flask) -> None:
    """Answer everything that a view raises, and every route that is not there, with a problem."""
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, lambda error: answer_to(error, request.environ))


def answer_to(error: Exception, environ: dict[str, Any]) -> Answer:
    """Tell what became of a request for which this was raised."""
    row = row_of(error) if isinstance(error, InventoryError) else INTERNAL
    if row is INTERNAL:
        # The cause goes to the log, under the request's id, and nowhere else.
        _log.error("%s %r failed", environ["REQUEST_METHOD"], environ["PATH_INFO"], exc_info=error)
        return _problem(row, _FAULT, {}, (), environ[REQUEST_ID])
    return _problem(row, _told(error, environ), row.extras(error), row.headers(error), environ[REQUEST_ID])


def refusal_answer(error: InventoryError, request_id: str) -> Answer:
    """Tell of a refusal before the application is asked."""
    row = row_of(error)
    return _problem(row, str(error), row.extras(error), row.headers(error), request_id)


def _on_http_exception(error: HTTPException) -> Answer | HTTPException:
    if isinstance(error, RoutingException):
        return error
    status = error.code or 500
    code, title = ROUTING.get(status, (error.name.lower().replace(" ", "_"), error.name))
    headers: Headers = ()
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers = (("Allow", ", ".join(sorted(error.valid_methods))),)
    return _problem(Row(status, code, title), _routing_detail(status, error), {}, headers, request.environ[REQUEST_ID])


def _told(error: Exception, environ: dict[str, Any]) -> str:
    if not isinstance(error, Unavailable) or error.outcome != "unknown" or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return str(error)
    advice = _SAME_KEY if "HTTP_IDEMPOTENCY_KEY" in environ else _READ_FIRST
    return f"{error}; {advice}"


def _routing_detail(status: int, error: HTTPException) -> str:
    match status:
        case 404:
            return "nothing is at this path"
        case 405:
            return f"{request.method[:20]} is not possible here; see the header Allow"
        case _:
            return error.description or error.name


def _problem(row: Row, detail: str, extras: dict[str, Any], headers: Headers, request_id: str) -> Answer:
    detail = readable(detail, _LONGEST_DETAIL)
    body = {
        "type": f"/problems/{row.code}",
        "title": row.title,
        "status": row.status,
        "detail": detail,
        "error": row.code,
        "message": detail,
        "requestId": request_id,
        **extras,
    }
    return Answer(orjson.dumps(body), row.status, headers, PROBLEM_JSON)
