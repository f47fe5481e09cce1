"""A program in TypeScript that touches every member of every schema, and tells all unions apart."""

from collections.abc import Iterator, Mapping
from typing import Any

_PREFIX = "#/components/schemas/"
_HEAD = """import type { components, paths } from "./inventory.js";

type Schemas = components["schemas"];
type Known<T> = unknown extends T ? never : T;
declare function use<T>(value: Known<T>): void;
"""


def members_program(description: Mapping[str, Any]) -> str:
    """The whole program; it compiles if the types have every member, and none is of an unknown type."""
    schemas = description["components"]["schemas"]
    parts = [_HEAD]
    for name, schema in schemas.items():
        lines = list(_members(schema) if "properties" in schema else _told_apart(schema, schemas))
        if lines:
            parts.append(f'export function of{name}(value: Schemas["{name}"]): void {{\n{"".join(lines)}}}\n')
    parts += [f"{line}\n" for line in _answers(description)]
    return "\n".join(parts)


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    for member, kind in schema["properties"].items():
        if kind.keys() - {"description"}:
            yield f'  use<(typeof value)["{member}"]>(value["{member}"]);\n'


def _told_apart(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """A switch over every code, with the type that it leads to, after which no type is left."""
    if "discriminator" not in schema:
        return
    by = schema["discriminator"]["propertyName"]
    yield f"  switch (value.{by}) {{\n"
    for each in schema["oneOf"]:
        name = each["$ref"].removeprefix(_PREFIX)
        for code in schemas[name]["properties"][by]["enum"]:
            yield f'    case "{code}":\n'
        yield f'      use<Schemas["{name}"]>(value);\n      break;\n'
    yield "    default:\n      value satisfies never;\n  }\n"


def _answers(description: Mapping[str, Any]) -> Iterator[str]:
    """A use of the body of every answer of every operation, as the schema that it has."""
    shared = description["components"]["responses"]
    for path, item in description["paths"].items():
        for method, operation in item.items():
            answers = operation["responses"] if method != "parameters" else {}
            for status, answer in answers.items():
                content = shared.get(answer.get("$ref", "").rpartition("/")[2], answer).get("content", {})
                for media_type, body in content.items():
                    name = body["schema"]["$ref"].removeprefix(_PREFIX)
                    place = f'paths["{path}"]["{method}"]["responses"][{status}]["content"]["{media_type}"]'
                    yield f'use<Schemas["{name}"]>(undefined as unknown as {place});'
