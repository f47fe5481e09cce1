"""What a client is told whose request gunicorn's parser refuses: a problem body too, although no app ever saw it."""

import socket
from uuid import uuid4

import orjson
from gunicorn import util  # type: ignore[import-untyped]

from inventory.web.error_codes import CODES, OUTCOME

_MALFORMED = "malformed_request"
# gunicorn says "Bad Request" of some that are not 400; Python's own phrases differ from release to release.
_KINDS = {
    400: ("Bad Request", _MALFORMED),
    408: ("Request Timeout", "request_timeout"),
    414: ("URI Too Long", "uri_too_long"),
    417: ("Expectation Failed", "expectation_failed"),
    431: ("Request Header Fields Too Large", "headers_too_large"),
    500: ("Internal Server Error", "internal_error"),
    501: ("Not Implemented", "not_implemented"),
}


def problem_response(status: int, detail: str) -> bytes:
    """Return a whole HTTP answer with a problem body (RFC 9457) and a request id of its own."""
    status = status if status in _KINDS else 400
    reason, code = _KINDS[status]
    request_id = uuid4().hex
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


def _write_problem(client: socket.socket, status: int, _: str, detail: str) -> None:
    util.write_nonblock(client, problem_response(status, detail))
