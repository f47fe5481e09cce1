"""Checks of RFC 9112 on the head of a request that gunicorn's parser does not make."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from gunicorn.http.body import LengthReader  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidHeader,
    InvalidRequestLine,
    UnsupportedTransferCoding,
)

_HOST = re.compile(r"(?:\[[0-9A-Za-z:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]*)?", re.ASCII)
"""RFC 3986 section 3.2.2, and a port. An empty host is not valid for http (RFC 9110 section 4.2.1)."""
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.ASCII | re.IGNORECASE)


class TunnelRefused(UnsupportedTransferCoding):  # type: ignore[misc]
    """A CONNECT. gunicorn answers 501 to what is of its parent's kind."""

    def __str__(self) -> str:
        return "CONNECT is not implemented"


def check_head(req: Any) -> None:
    """Check a request, and put it into the form that everything after this expects.

    Any HTTP/1.x above 1.1 counts as 1.1 (RFC 9110 section 2.5), and a target in absolute form is replaced by its path
    and query (RFC 9112 section 3.2.2): ``req.uri`` begins with a slash, or is ``*``.

    :raises InvalidHeader: Host is missing or not valid (RFC 9112 section 3.2).
    :raises InvalidRequestLine: the target is in none of the forms of RFC 9112 section 3.2.
    :raises UnsupportedTransferCoding: another coding than ``chunked`` (section 6.1), or a CONNECT.
    """
    if req.version > (1, 1):
        req.version = (1, 1)
    # Of two Hosts the parser has told already.
    fields = dict(req.headers)
    host = fields.get("HOST")
    if not _is_host(host) if host is not None else req.version == (1, 1):
        raise InvalidHeader("HOST")
    if "CONNECTION" in fields and _wants_to_close(req.headers):
        # gunicorn knows it only where it stands alone (RFC 9112 section 9.6).
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
        raise UnsupportedTransferCoding(", ".join(codings))


def _path_of(method: str, target: str) -> str:
    if method == "CONNECT":
        raise TunnelRefused(target)
    if target == "*":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if "#" in target or absolute is None or not _is_host(absolute[1]):
        raise InvalidRequestLine(target)
    return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
