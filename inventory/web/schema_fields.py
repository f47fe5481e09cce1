"""Fields of bodies and queries, for the schemas of each resource. Unknown fields are refused."""

import re
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from inventory.domain.errors import FieldProblem
from inventory.domain.reservation import MAX_LINES
from inventory.domain.values import IDENTIFIER_RULE, is_identifier, text_problem
from inventory.web.pages import name_of_cursor

MAX_VERSION = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""
MIN_TTL_MS = 1
MAX_TTL_MS = 31_536_000_000
"""A year."""

_REQUIRED = "is required"
NOT_NULL = "must not be null"
REQUIRED_WORDS: dict[str, Any] = {
    "required": _REQUIRED,
    "null": f"{NOT_NULL}; omit it instead",
    "invalid": "must be a string",
}
_WORDS: dict[str, Any] = {**REQUIRED_WORDS, "invalid": "must be a whole number"}
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def between(low: int, high: int) -> validate.Range:
    """Require a number from ``low`` to ``high``."""
    return validate.Range(low, high, error="must be between {min} and {max}")


def _text_rule(text: str) -> None:
    problem = text_problem(text)
    if problem is not None:
        raise ValidationError(problem)


def optional_text() -> fields.String:
    """Up to 200 printable characters."""
    return fields.String(validate=_text_rule, error_messages=REQUIRED_WORDS)


def whole_number(*rules: Any, data_key: str | None = None, required: bool = False) -> fields.Integer:
    """A whole number in a body."""
    return fields.Integer(strict=True, data_key=data_key, required=required, validate=rules, error_messages=_WORDS)


def whole_number_or_null(*rules: Any, data_key: str) -> fields.Integer:
    """A whole number in a body; null means that there is none."""
    return fields.Integer(strict=True, data_key=data_key, allow_none=True, validate=rules, error_messages=_WORDS)


def query_integer(*rules: Any, data_key: str | None = None) -> fields.Integer:
    """A whole number in a query."""
    return _QueryInteger(data_key=data_key, validate=rules, error_messages=_WORDS)


def expected_version() -> fields.Integer:
    """The version that a record must be at."""
    return whole_number(between(1, MAX_VERSION), data_key="expectedVersion")


class _QueryInteger(fields.Integer):
    """A whole number in a query: digits only."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not _DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


class CursorField(fields.Field[str]):
    """A cursor of this service; loads as the name that it stands for."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = name_of_cursor(value)
        if name is None:
            raise ValidationError("is not a valid cursor")
        return name


class StrictSchema(Schema):
    """A schema that refuses unknown fields."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is not a known field", "type": "must be a JSON object"}  # noqa: RUF012

    def on_bind_field(self, _: str, field_obj: fields.Field[Any]) -> None:
        """Do not suggest omitting a required field. marshmallow calls this once for each field."""
        if field_obj.required:
            field_obj.error_messages = {**field_obj.error_messages, "null": NOT_NULL}


def built(schema: type[Schema]) -> Schema:
    """Make a schema once, for all requests."""
    fields_of = schema().fields
    # "Partial" in the optional fields: marshmallow then skips them at once, 3 µs less a request.
    return schema(partial=tuple(name for name, field in fields_of.items() if not field.required))


NOTHING = StrictSchema()


def loaded(schema: Schema, given: object, whole: str, problems: list[FieldProblem]) -> dict[str, Any]:
    """Load ``given``; absent fields are absent from the result.

    Problems are added to ``problems``; then the result has no meaning.

    :param whole: the name of the input, for problems that belong to no single field.
    """
    try:
        found: dict[str, Any] = schema.load(given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems.extend(_named(error.normalized_messages(), "", whole))  # type: ignore[no-untyped-call]
        return {}
    return found


def _named(messages: Any, at: str, whole: str) -> list[FieldProblem]:
    """Name each invalid field by its place: ``qty``, ``lines[3].qty``."""
    if isinstance(messages, list):
        return [FieldProblem(at or whole, str(message)) for message in messages]
    found = []
    for name, inner in messages.items():
        if name == "_schema":
            place = at
        elif isinstance(name, int):
            place = f"{at}[{name}]"
        else:
            place = f"{at}.{name}" if at else str(name)
        found.extend(_named(inner, place, whole))
    return found


def _identifier_rule(text: str) -> None:
    if not is_identifier(text):
        raise ValidationError(IDENTIFIER_RULE)


def identifier(data_key: str | None = None, *, required: bool = False) -> fields.String:
    """A SKU or store id."""
    return fields.String(data_key=data_key, required=required, validate=_identifier_rule, error_messages=REQUIRED_WORDS)


def lines_of(schema: type[StrictSchema], *, required: bool) -> fields.List[Any]:
    """1 to 500 lines."""
    return fields.List(
        fields.Nested(schema(), error_messages={"null": NOT_NULL}),
        required=required,
        validate=validate.Length(1, MAX_LINES, error="must have {min} to {max} lines"),
        error_messages={**REQUIRED_WORDS, "invalid": "must be a list"},
    )


def ttl(*, required: bool) -> fields.Integer:
    """A duration in milliseconds, up to a year."""
    return whole_number(between(MIN_TTL_MS, MAX_TTL_MS), data_key="ttlMs", required=required)
