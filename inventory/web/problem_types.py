"""``GET /problems/{code}``: what an error code means. The ``type`` of a problem leads there (RFC 9457, 3.1.1)."""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import NotFound

from inventory.web.answers import JSON, Answer, Headers, json_answer
from inventory.web.error_codes import CODES
from inventory.web.error_meaning import Code

HTML = "text/html"
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "th{text-align:left;padding-right:1rem;font-weight:normal;opacity:.7}"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{code}: {title}</title>
<style>{style}</style>
<h1>{title}</h1>
<p><code>{code}</code>, status {statuses}</p>
<h2>Meaning</h2>
<p>{meaning}</p>
<h2>What to do</h2>
<p>{step}</p>
<table>
<tr><th>May the change have happened?<td>{happened}
<tr><th>Repeat the request?<td>{repeat}
<tr><th>When?<td>{when}
<tr><th>With which Idempotency-Key?<td>{key}
</table>
</html>
"""
_REPEAT = {"corrected": "only corrected, as described under “What to do”"}
_HEADERS: Headers = (
    ("Vary", "Accept"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
)


def blueprint() -> Blueprint:
    """Make the view of error codes."""
    views = Blueprint("problem_types", __name__)

    @views.get("/problems/<code>")
    def problem_type(code: str) -> Answer:
        found = CODES.get(code)
        if found is None:
            raise NotFound
        if request.accept_mimetypes.best_match((JSON, HTML)) == HTML:
            return Answer(_page(code, found).encode(), 200, _HEADERS, f"{HTML}; charset=utf-8")
        return json_answer(_body(code, found), headers=_HEADERS[:1])

    return views


def _body(code: str, row: Code) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "error": code,
        "title": row.title,
        "statuses": row.statuses,
        "meaning": row.cause,
        "happened": row.happened,
        "repeat": row.repeat,
        "when": row.when,
        "key": row.key,
        "nextStep": row.next_step,
    }


def _page(code: str, row: Code) -> str:
    return _PAGE.format(
        style=_STYLE,
        code=code,
        title=escape(row.title),
        statuses=" or ".join(map(str, row.statuses)),
        meaning=_prose(row.cause),
        step=_prose(row.next_step),
        happened=_prose(row.happened),
        repeat=_REPEAT.get(row.repeat, row.repeat),
        when=_prose(row.when),
        key=row.key,
    )


def _prose(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))
