"""Schemas of openapi.yaml as rows: the name of a field, its values, its meaning."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reference.markdown import code, prose

_PREFIX = "#/components/schemas/"


class Description(dict[str, Any]):
    """openapi.yaml, read."""

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """What a reference refers to; anything else itself."""
        while "$ref" in part:
            found: Any = self
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/")]
            part = found
        return dict(part)

    def schema(self, name: str) -> dict[str, Any]:
        """A schema by its name."""
        return self.resolved({"$ref": _PREFIX + name})

    def meaning(self, schema: dict[str, Any]) -> str:
        """Its description; of a list without one, that of its entries."""
        return str(self.resolved(schema).get("description", ""))

    def kind(self, schema: dict[str, Any]) -> str:
        """What a value may be, in a few words."""
        if name := self.shared(schema):
            return f"[{name}](#{name.lower()})"
        schema = self.resolved(schema)
        if "enum" in schema:
            return ", ".join(map(code, schema["enum"]))
        if "oneOf" in schema:
            return " or ".join(self.kind(each) for each in schema["oneOf"])
        kind = schema.get("type", "object" if "properties" in schema else "any value")
        if kind == "array":
            entry = self.kind(schema["items"])
            bounds = _bounds(schema, "minItems", "maxItems", " entries").replace(" 1 entries", " 1 entry")
            return f"list of {entry}{'s' if entry.isalpha() else ''}{bounds}"
        bounds = _bounds(schema, "minimum", "maximum", "") or _bounds(schema, "minLength", "maxLength", " characters")
        return str(schema.get("format", kind) if kind == "string" else kind) + bounds

    def shared(self, schema: dict[str, Any]) -> str:
        """The name of a schema that has fields, or is one of several that have; empty for all others."""
        name = body_name(schema)
        found = self.schema(name) if name else {}
        return name if found.get("properties") or "oneOf" in found else ""


def body_name(schema: dict[str, Any]) -> str:
    """The name of the schema that is referred to; empty if it has none."""
    reference = schema.get("$ref", "")
    return (
        reference.removeprefix(_PREFIX)
        if reference.startswith(_PREFIX) and "/" not in reference[len(_PREFIX) :]
        else ""
    )


def field_rows(
    description: Description,
    schema: dict[str, Any],
    prefix: str = "",
    *,
    besides: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[tuple[str, str, str]]:
    """A row for each field; those inside a list of objects without a name follow their list.

    :param besides: fields that are left out where the schema has the same.
    """
    schema = description.resolved(schema)
    for name, field in schema.get("properties", {}).items():
        if field == besides.get(name):
            continue
        told = prose(" ".join(description.meaning(field).split()))
        needed = ", required" if name in schema.get("required", ()) else ""
        yield code(prefix + name) + needed, description.kind(field), told
        inner = description.resolved(field)
        items = inner.get("items", {})
        if not description.shared(field) and not description.shared(items):
            yield from field_rows(description, items or inner, f"{prefix}{name}[]." if items else f"{prefix}{name}.")


def shared_bodies(description: Description) -> list[str]:
    """The names of the schemas that have a section, in their order."""
    named = description["components"]["schemas"]
    return sorted(name for name in named if description.shared({"$ref": _PREFIX + name}))


def _bounds(schema: dict[str, Any], low: str, high: str, unit: str) -> str:
    least, most = (f"{schema[bound]:,}" if bound in schema else "" for bound in (low, high))
    if least and most:
        return f", {least} to {most}{unit}"
    if least or most:
        return f", at least {least}{unit}" if least else f", at most {most}{unit}"
    return ""
