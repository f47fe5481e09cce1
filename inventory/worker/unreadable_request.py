"""What a client is told whose request gunicorn's parser refuses: a problem body too, although no app ever saw it."""

import socket
from uuid import uuid4

import orjson
from gunicorn import util  # type: ignore[import-untyped]

from inventory.web.error_codes import CODES, OUTCOME

_CODES = {
    408: "request_timeout",
    414: "uri_too_long",
    417: "expectation_failed",
    431: "headers_too_large",
    500: "internal_error",
}


def problem_response(status: int, reason: str, detail: str) -> bytes:
    """Return a whole HTTP answer with a problem body (RFC 9457) and a request id of its own."""
    code, request_id = _CODES.get(status, "malformed_request"), uuid4().hex
    told = detail.encode("ascii", "backslashreplace").decode() or reason
    problem = {
        "type": f"/problems/{code}",
        "title": reason,
        "status": status,
        "detail": told,
        "error": code,
        "message": told,
        "nextStep": CODES[code].next_step,
        "requestId": request_id,
    }
    if CODES[code].happened == OUTCOME:
        # Not by this request, of which the application has not seen the end; but its key, if any, is not known.
        problem["outcome"] = "unknown"
    body = orjson.dumps(problem)
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def install() -> None:
    """Have gunicorn answer so in this process; its own answer is HTML. A system test notices if it no longer asks."""
    util.write_error = _write_problem


def _write_problem(client: socket.socket, status: int, reason: str, detail: str) -> None:
    util.write_nonblock(client, problem_response(status, reason, detail))
