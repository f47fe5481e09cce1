"""What a body and a query may say. Built once; a field that no schema names is refused."""

import re
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from inventory.domain.errors import FieldProblem
from inventory.domain.values import MAX_QUANTITY, text_problem
from inventory.web.cursor import name_of_cursor

MAX_VERSION = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259 section 6)."""
MAX_TTL_MS = 31_536_000_000
"""A year."""
MAX_PAGE = 1000

_REQUIRED = "is required"
NOT_NULL = "must not be null"
REQUIRED_WORDS: dict[str, Any] = {
    "required": _REQUIRED,
    "null": f"{NOT_NULL}; leave it out instead",
    "invalid": "must be a text",
}
_WORDS: dict[str, Any] = {**REQUIRED_WORDS, "invalid": "must be a whole number"}
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,64}", re.ASCII)


def between(low: int, high: int) -> validate.Range:
    """Require a number from ``low`` to ``high``."""
    return validate.Range(low, high, error="must be between {min} and {max}")


def _text_rule(text: str) -> None:
    problem = text_problem(text)
    if problem is not None:
        raise ValidationError(problem)


def _not_zero(number: int) -> None:
    if number == 0:
        raise ValidationError("must not be 0")


def _prefix_rule(text: str) -> None:
    if not _PREFIX.fullmatch(text):
        raise ValidationError("must be at most 64 of ASCII letters, digits, '.', '_', '-', ':'")


def optional_text() -> fields.String:
    """Up to 200 printable characters."""
    return fields.String(validate=_text_rule, error_messages=REQUIRED_WORDS)


def whole_number(*rules: Any, data_key: str | None = None, required: bool = False) -> fields.Integer:
    """A whole number in a body."""
    return fields.Integer(strict=True, data_key=data_key, required=required, validate=rules, error_messages=_WORDS)


def whole_number_or_null(*rules: Any, data_key: str) -> fields.Integer:
    """The same, where null says that there is none."""
    return fields.Integer(strict=True, data_key=data_key, allow_none=True, validate=rules, error_messages=_WORDS)


def query_integer(*rules: Any, data_key: str | None = None) -> fields.Integer:
    """A whole number in a query."""
    return _QueryInteger(data_key=data_key, validate=rules, error_messages=_WORDS)


def expected_version() -> fields.Integer:
    """The version that a record must be at."""
    return whole_number(between(1, MAX_VERSION), data_key="expectedVersion")


class _QueryInteger(fields.Integer):
    """A whole number as it stands in a query: digits and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not _DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


class Cursor(fields.Field[str]):
    """A cursor that this service gave out; loads as the name that it stands for."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = name_of_cursor(value)
        if name is None:
            raise ValidationError("is not a cursor that this service gave out")
        return name


class StrictSchema(Schema):
    """A schema that refuses what it does not name."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is not a known field", "type": "must be a JSON object"}  # noqa: RUF012

    def on_bind_field(self, _: str, field_obj: fields.Field[Any]) -> None:
        """Nobody is told to leave out what is required. marshmallow calls it once for each field."""
        if field_obj.required:
            field_obj.error_messages = {**field_obj.error_messages, "null": NOT_NULL}


class AdjustSchema(StrictSchema):
    """The body of an adjust."""

    delta = whole_number(between(-MAX_QUANTITY, MAX_QUANTITY), _not_zero, required=True)
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


class ReserveSchema(StrictSchema):
    """The body of a reserve."""

    qty = whole_number(between(1, MAX_QUANTITY), required=True)
    ttl_ms = whole_number(between(1, MAX_TTL_MS), data_key="ttlMs")
    expected_version = expected_version()
    reference = optional_text()


class CountSchema(StrictSchema):
    """The body of a PUT."""

    on_hand = whole_number(between(0, MAX_QUANTITY), data_key="onHand", required=True)
    counted_at_version = whole_number(between(1, MAX_VERSION), data_key="countedAtVersion")
    reason = optional_text()
    reference = optional_text()


class SkuPageSchema(StrictSchema):
    """The query of one SKU over all stores; without a limit as much as fits into a body."""

    limit = _QueryInteger(validate=between(1, MAX_PAGE), error_messages=_WORDS)
    after = Cursor(data_key="cursor")


class PageSchema(StrictSchema):
    """The query of a list."""

    limit = _QueryInteger(validate=between(1, MAX_PAGE), error_messages=_WORDS)
    after = Cursor(data_key="cursor")
    prefix = fields.String(validate=_prefix_rule)


def built(schema: type[Schema]) -> Schema:
    """Make a schema once, for all requests."""
    fields_of = schema().fields
    # "Partial" in what may be absent: marshmallow passes over it at once then, for 3 µs less a request.
    return schema(partial=tuple(name for name, field in fields_of.items() if not field.required))


ADJUST = built(AdjustSchema)
RESERVE = built(ReserveSchema)
COUNT = built(CountSchema)
PAGE = built(PageSchema)
SKU_PAGE = built(SkuPageSchema)
NOTHING = StrictSchema()


def loaded(schema: Schema, given: object, whole: str, problems: list[FieldProblem]) -> dict[str, Any]:
    """Load ``given``; what is absent from it is absent from the result.

    What is wrong with it is added to ``problems`` and the result means nothing then.

    :param whole: what to call the input where no single field is to blame.
    """
    try:
        found: dict[str, Any] = schema.load(given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems.extend(_named(error.normalized_messages(), "", whole))  # type: ignore[no-untyped-call]
        return {}
    return found


def _named(messages: Any, at: str, whole: str) -> list[FieldProblem]:
    """Name each wrong field by its place: ``qty``, ``lines[3].qty``."""
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
