"""The API description as generators read it: openapi.yaml without anchors, with answers that may grow, and JSON only.

openapi.yaml describes every answer exactly, and the tests hold the service to that. A client must not: a later version
may add members to an answer. So here only requests say `additionalProperties: false`. Where an answer is JSON unless
the client asks for another media type, only JSON is here: of several, generators make one type that is none of them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

_JSON = "application/json"
_PREFIX = "#/components/schemas/"
_HEAD = "# Made from openapi.yaml by: .venv/bin/python scripts/reference.py\n"


class _Strict(yaml.SafeLoader):
    """Refuses a key that comes twice in one mapping, of which YAML keeps the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"openapi.yaml, line {node.start_mark.line + 1}: {', '.join(twice)} comes twice")
        return super().construct_mapping(node, deep)


class _Plain(yaml.SafeDumper):
    """Writes what is the same twice, rather than an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def read(text: str) -> dict[str, Any]:
    """Read openapi.yaml. :raises ValueError: a mapping has a key twice."""
    found: dict[str, Any] = yaml.load(text, _Strict)
    return found


def flat(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description without what only anchors need, with open answers, and with JSON where there is a choice."""
    whole = json.loads(json.dumps(description))
    components = whole["components"]
    del components["x-fields"]
    schemas = components["schemas"]
    sent = set(_sent(whole["paths"], schemas))
    for name, schema in schemas.items():
        if name not in sent:
            _open(schema)
    for item in whole["paths"].values():
        for answer in (answer for operation in item.values() for answer in _answers(operation)):
            content = answer.get("content", {})
            if _JSON in content:
                answer["content"] = {_JSON: content[_JSON]}
    return dict(whole)


def as_yaml(description: Mapping[str, Any]) -> str:
    """The flat description as YAML."""
    return _HEAD + yaml.dump(flat(description), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=118)


def as_json(description: Mapping[str, Any]) -> str:
    """The flat description as JSON."""
    return json.dumps(flat(description), ensure_ascii=False, indent=1) + "\n"


def _answers(operation: Any) -> list[dict[str, Any]]:
    """The answers of an operation; none of what else is beside operations."""
    return list(operation["responses"].values()) if isinstance(operation, dict) else []


def _sent(part: Any, schemas: Mapping[str, Any], *, inside: bool = False) -> Iterator[str]:
    """The names of the schemas that bodies of requests consist of."""
    if isinstance(part, list):
        for inner in part:
            yield from _sent(inner, schemas, inside=inside)
    elif isinstance(part, dict):
        name = str(part.get("$ref", "")).removeprefix(_PREFIX)
        if inside and name in schemas:
            yield name
            yield from _sent(schemas[name], schemas, inside=True)
        for key, inner in part.items():
            yield from _sent(inner, schemas, inside=inside or key == "requestBody")


def _open(part: Any) -> None:
    if isinstance(part, list):
        for inner in part:
            _open(inner)
    elif isinstance(part, dict):
        if part.get("additionalProperties") is False:
            del part["additionalProperties"]
        for inner in part.values():
            _open(inner)
