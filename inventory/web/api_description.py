"""The description of the API, from the package: ``/openapi.json``, ``/openapi.yaml``, and ``/docs``, which shows it.

These answers need no data folder. The page loads only what this process serves. ``viewer/viewer.json`` has the version
and the hashes of the viewer, which is from elsewhere; ``scripts/refresh_viewer.py`` brings another release.
"""

from collections.abc import Mapping
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, request

from inventory.web.answers import JSON, Answer, Headers
from inventory.web.request_limits import LargeReads

_HERE = Path(__file__).parent
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
FILES: Mapping[str, tuple[str, str]] = {
    "/openapi.json": ("openapi/openapi.json", JSON),
    # RFC 9512
    "/openapi.yaml": ("openapi/openapi.yaml", "application/yaml"),
    "/docs": ("viewer/page.html", "text/html; charset=utf-8"),
    "/docs/page.css": ("viewer/page.css", _STYLE),
    "/docs/start.js": ("viewer/start.js", _SCRIPT),
    "/docs/swagger-ui.css": ("viewer/swagger-ui/swagger-ui.css", _STYLE),
    "/docs/swagger-ui-bundle.js": ("viewer/swagger-ui/swagger-ui-bundle.js", _SCRIPT),
}
"""Path → file beside this module, and its media type. None of them is in the description itself."""
_HEADERS: Headers = (
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


class _File(NamedTuple):
    body: bytes
    tag: str


def blueprint(large: LargeReads) -> Blueprint:
    """Make the views."""
    views = Blueprint("api_description", __name__)
    for path, (name, media_type) in FILES.items():
        views.add_url_rule(path, path.replace(".", "_"), partial(_answer, large, name, media_type))
    return views


def _answer(large: LargeReads, name: str, media_type: str) -> Answer:
    file = _read(name)
    headers = (("ETag", f'"{file.tag}"'), *_HEADERS)
    # If-None-Match compares weakly (RFC 9110 section 13.1.2): a proxy that compresses makes a tag weak.
    if request.if_none_match.contains_weak(file.tag):
        return Answer(b"", 304, headers)
    with large.reading() as read:
        read.has(size=len(file.body))
        return Answer(file.body, 200, headers, media_type)


@cache
def _read(name: str) -> _File:
    body = (_HERE / name).read_bytes()
    return _File(body, blake2b(body, digest_size=16).hexdigest())
