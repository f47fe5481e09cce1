"""The Idempotency-Key header: which keys are valid, and when two requests are the same."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from inventory.domain.errors import FieldProblem
from inventory.domain.key_table import IdempotencyKey

HEADER = "Idempotency-Key"

# Bare, or a string as in RFC 8941 section 3.3.3: in quotes, with \" and \\ for those two.
# No comma in a bare key: two headers arrive joined with a comma, and proxies may change their order or number.
_BARE = re.compile(r"[!#-+\--~][!-+\--~]{0,254}", re.ASCII)
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\])+)"', re.ASCII)
_ESCAPE = re.compile(r'\\(["\\])')
MAX_KEY_LENGTH = 255
_RULE = f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters, in quotes if there is a comma"


def parse_key(text: str) -> str | None:
    """Return the key in the value of the header; ``None`` if it is not valid."""
    if not text.startswith('"'):
        return text if _BARE.fullmatch(text) else None
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        return None
    key = _ESCAPE.sub(r"\1", quoted[1])
    return key if len(key) <= MAX_KEY_LENGTH else None


def idempotency_key(
    text: str | None, method: str, path: str, body: Mapping[str, Any], problems: list[FieldProblem]
) -> IdempotencyKey | None:
    """Make the key of a change, with the hash of the request; ``None`` if the client sent none.

    :param path: decoded, so that two spellings of one path are the same.
    :param body: as it was loaded: order and whitespace make no difference.
    """
    if text is None:
        return None
    key = parse_key(text)
    if key is None:
        problems.append(FieldProblem(HEADER, _RULE))
        return None
    return IdempotencyKey(key, meaning(method, path, body))


def meaning(method: str, path: str, body: Mapping[str, Any]) -> str:
    """Hash the content of a request. The same request has the same hash in the next release.

    Therefore ``body`` has no defaults: a new optional field changes no hash that is in the log.
    """
    text = b"%b %b\n%b" % (method.encode(), path.encode(), orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
    return blake2b(text, digest_size=16).hexdigest()


REPLAYED = ("Idempotent-Replayed", "true")
