"""The body of a request: read within its limit, and decoded as strictly as RFC 8259 allows."""

import json
from typing import Any, NoReturn

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from inventory.domain.errors import FieldProblem
from inventory.web.request_errors import MalformedJson, PayloadTooLarge, RequestTimeout, UnsupportedMediaType
from inventory.web.routing import PATH

MAX_BODY_BYTES = 65_536
MAX_LIST_BYTES = 1_048_576
_TAKES_MANY_LINES = ("/reservations", "/transfers", "/inventory/batch")
_LENGTH_DIGITS = 10
# About 250 operations.
_LARGE_BYTES = 16_384
_LARGE_DIGITS = len(str(_LARGE_BYTES))


def json_body(environ: dict[str, Any]) -> object:
    """Return the decoded JSON body of the request; duplicate members, NaN and Infinity are refused.

    :raises UnsupportedMediaType: the body is not declared as ``application/json`` in UTF-8.
    :raises PayloadTooLarge: it is longer than ``body_limit``.
    :raises MalformedJson: it cannot be read or decoded.
    """
    _require_json(environ)
    return decode(read_body(environ))


def optional_json_body(environ: dict[str, Any]) -> object:
    """Like ``json_body``, but an empty body (of any declared type) means ``{}``."""
    data = read_body(environ)
    if not data:
        return {}
    _require_json(environ)
    return decode(data)


def body_limit(environ: dict[str, Any]) -> int:
    """The maximum length of the body: more for requests that may have many lines."""
    path: str = environ[PATH]
    return MAX_LIST_BYTES if path.startswith(_TAKES_MANY_LINES) else MAX_BODY_BYTES


def announced_too_long(environ: dict[str, Any]) -> bool:
    """Whether ``Content-Length`` is above ``body_limit``; the length of a chunked body shows only when it is read."""
    length = environ.get("CONTENT_LENGTH", "")
    if not (length.isascii() and length.isdigit()):
        return False
    return len(length) > _LENGTH_DIGITS or int(length) > body_limit(environ)


def may_be_large(environ: dict[str, Any]) -> bool:
    """Whether the body may have hundreds of operations: if the request allows that, and it is long or chunked."""
    length = environ.get("CONTENT_LENGTH", "")
    # The short case comes first: most changes are a few bytes.
    if 0 < len(length) < _LARGE_DIGITS or not environ[PATH].startswith(_TAKES_MANY_LINES):
        return False
    if length:
        return length.isascii() and length.isdigit() and int(length) > _LARGE_BYTES
    return bool(environ.get("wsgi.input_terminated", False))


def read_body(environ: dict[str, Any]) -> bytes:
    """Return the complete body, chunked or not; nothing past the limit is read.

    :raises PayloadTooLarge: it is longer than ``body_limit``.
    :raises RequestTimeout: it did not arrive in time.
    :raises MalformedJson: the connection ended before the body did, or its chunks are broken.
    """
    length = environ.get("CONTENT_LENGTH", "")
    # WSGI servers announce a chunked body, whose end they find, with `input_terminated`.
    chunked = not length and environ.get("wsgi.input_terminated", False)
    if not length and not chunked:
        return b""
    if not chunked and not (length.isascii() and length.isdigit()):
        raise MalformedJson("Content-Length is not a number")
    limit = body_limit(environ)
    if not chunked and (len(length) > _LENGTH_DIGITS or int(length) > limit):
        raise PayloadTooLarge(limit)
    try:
        data: bytes = environ["wsgi.input"].read(limit + 1 if chunked else int(length))
    except TimeoutError as error:
        raise RequestTimeout from error
    except (OSError, ParseException) as error:
        # The client disconnected, or its chunks are invalid, which gunicorn detects only now.
        raise MalformedJson("the body could not be read completely") from error
    if chunked and len(data) > limit:
        raise PayloadTooLarge(limit)
    if not chunked and len(data) < int(length):
        raise MalformedJson("the body is shorter than its Content-Length")
    return data


def decode(data: bytes) -> object:
    """Decode one JSON text in UTF-8.

    :raises MalformedJson: it is not JSON, or it is nested too deeply, or a number in it is too long.
    """
    try:
        return _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise MalformedJson("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:
        # Python refuses to read whole numbers of more than 4,300 digits.
        raise MalformedJson("a number has too many digits") from error
    except RecursionError as error:
        raise MalformedJson("it is nested too deeply") from error


def _require_json(environ: dict[str, Any]) -> None:
    content_type, coding = environ.get("CONTENT_TYPE", ""), environ.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.lower() != "identity":
        raise UnsupportedMediaType(f"{content_type} in Content-Encoding {coding}")
    if content_type == "application/json":
        return
    media_type, *parameters = content_type.split(";")
    charset = "".join(text.partition("charset=")[2].strip().strip('"').lower() for text in parameters)
    if media_type.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType(content_type)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedJson("an object has a duplicate member", (FieldProblem(twice, "is given twice"),))
    return found


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
