"""Whether an answer is one that openapi.yaml describes: its status, its media type, and every member of its body."""

import re
from functools import cache
from typing import Any, NamedTuple

import yaml
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from support.checkout import ROOT

SPEC: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
_LONGEST = 100_000
"""Longer bodies are not read: their entries are as those of short ones."""


class Described(NamedTuple):
    """An operation, and the pattern of its path."""

    path: re.Pattern[str]
    method: str
    responses: dict[str, Any]


def _described() -> list[Described]:
    """The operations; those of paths without parameters first."""
    return [
        Described(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), method.upper(), operation["responses"])
        for path, item in sorted(SPEC["paths"].items(), key=lambda each: "{" in each[0])
        for method, operation in item.items()
        if method != "parameters"
    ]


DESCRIBED = _described()


def undescribed(response: TestResponse) -> str | None:
    """What openapi.yaml does not say of an answer; ``None`` if there is nothing, or it has no such operation."""
    asked = response.request
    operation = next((one for one in DESCRIBED if one.method == asked.method and one.path.fullmatch(asked.path)), None)
    if operation is None:
        return None
    place = f"{asked.method} {operation.path.pattern}: {response.status_code}"
    answer = _resolved(operation.responses.get(str(response.status_code), {}))
    contents = answer.get("content", {})
    if not answer or (contents and response.mimetype not in contents):
        return f"{place} as {response.mimetype}"
    if not contents or not response.mimetype.endswith("json") or (response.content_length or 0) > _LONGEST:
        return None
    wrong = next(_validator(contents[response.mimetype]["schema"]["$ref"]).iter_errors(response.json), None)
    return None if wrong is None else f"{place} at {wrong.json_path}: {wrong.message}"


def _resolved(answer: dict[str, Any]) -> dict[str, Any]:
    name = answer.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = SPEC["components"]["responses"][name] if name else answer
    return found


@cache
def _validator(reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference, "components": {"schemas": SPEC["components"]["schemas"]}})
