"""The head of a request: checks of RFC 9112 that gunicorn's parser does not make, and the answer to a refused one."""

import re
import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import uuid4

import orjson

from inventory.server.gunicorn_seam import LengthReader, errors
from inventory.web.error_codes import CODES
from inventory.web.error_meaning import OUTCOME

_HOST = re.compile(r"(?:\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]*)?", re.ASCII)
"""RFC 3986 section 3.2.2, and a port. An empty host is invalid for http (RFC 9110 section 4.2.1)."""
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.ASCII | re.IGNORECASE)


class TunnelRefused(errors.UnsupportedTransferCoding):  # type: ignore[misc]
    """A CONNECT. gunicorn answers 501 to errors of its base class."""

    def __str__(self) -> str:
        return "CONNECT is not implemented"


def check_head(req: Any) -> None:
    """Check a request, and normalise it for all later code.

    Any HTTP/1.x above 1.1 counts as 1.1 (RFC 9110 section 2.5), and a target in absolute form is replaced by its path
    and query (RFC 9112 section 3.2.2): ``req.uri`` begins with a slash, or is ``*``.

    :raises InvalidHeader: Host is missing or not valid (RFC 9112 section 3.2).
    :raises InvalidRequestLine: the target is in none of the forms of RFC 9112 section 3.2.
    :raises UnsupportedTransferCoding: a coding other than ``chunked`` (section 6.1), or a CONNECT.
    """
    if req.version > (1, 1):
        req.version = (1, 1)
    # The parser has already refused two Hosts.
    fields = dict(req.headers)
    host = fields.get("HOST")
    if not _is_host(host) if host is not None else req.version == (1, 1):
        raise errors.InvalidHeader("HOST")
    if "CONNECTION" in fields and _wants_to_close(req.headers):
        # gunicorn recognises it only if it is the only value (RFC 9112 section 9.6).
        req.force_close()
    if not isinstance(req.body.reader, LengthReader):
        _require_chunked_alone(req)
    target = req.uri
    if target[0] != "/" or "#" in target:
        req.uri = _path_of(req.method, target)


@lru_cache(maxsize=256)
def _is_host(value: str) -> bool:
    return _HOST.fullmatch(value) is not None


def _wants_to_close(headers: Sequence[tuple[str, str]]) -> bool:
    options = ",".join(value for name, value in headers if name == "CONNECTION")
    return "close" in {option.strip(" \t").lower() for option in options.split(",")}


def _require_chunked_alone(req: Any) -> None:
    codings = [value for name, value in req.headers if name == "TRANSFER-ENCODING"]
    if [coding.lower() for coding in codings] != ["chunked"]:
        raise errors.UnsupportedTransferCoding(", ".join(codings))


def _path_of(method: str, target: str) -> str:
    if method == "CONNECT":
        raise TunnelRefused(target)
    if target == "*":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if "#" in target or absolute is None or not _is_host(absolute[1]):
        raise errors.InvalidRequestLine(target)
    return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"


_MALFORMED = "malformed_request"


# gunicorn says "Bad Request" for some that are not 400; Python's own phrases differ between releases.
_KINDS = {
    400: _MALFORMED,
    408: "request_timeout",
    414: "uri_too_long",
    417: "expectation_failed",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
}


def problem_response(status: int, detail: str) -> bytes:
    """Return a complete HTTP answer with a problem body (RFC 9457) and a new request id."""
    status = status if status in _KINDS else 400
    code = _KINDS[status]
    reason = CODES[code].title
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
        # This request changed nothing, since the application has not seen its end; but its key, if any, is unknown.
        problem["outcome"] = "unknown"
    body = orjson.dumps(problem)
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def write_problem(client: socket.socket, status: int, detail: str) -> None:
    """Answer a request that the application has not seen; gunicorn's own answer is HTML."""
    client.setblocking(False)
    try:
        client.sendall(problem_response(status, detail))
    finally:
        client.setblocking(True)
