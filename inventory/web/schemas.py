"""What a body and a query may say. Built once; a field that no schema names is refused."""

import re
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from inventory.domain.errors import FieldProblem
from inventory.domain.values import MAX_QUANTITY
from inventory.service.letters import LETTER_STATES
from inventory.web.cursor import name_of_cursor

MAX_VERSION = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259 section 6)."""
MAX_TEXT = 200
MAX_PAGE = 1000

_REQUIRED = "is required"
_NULL = "must not be null; leave it out instead"
_WORDS: dict[str, Any] = {"required": _REQUIRED, "null": _NULL, "invalid": "must be a whole number"}
_TEXT_WORDS: dict[str, Any] = {"required": _REQUIRED, "null": _NULL, "invalid": "must be a text"}
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,64}", re.ASCII)


def _between(low: int, high: int) -> validate.Range:
    return validate.Range(low, high, error="must be between {min} and {max}")


def _text_rule(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ValidationError(f"must have at most {MAX_TEXT} characters")
    if _UNPRINTABLE.search(text):
        raise ValidationError("must have no control characters, line breaks or lone surrogates")


def _not_zero(number: int) -> None:
    if number == 0:
        raise ValidationError("must not be 0")


def _prefix_rule(text: str) -> None:
    if not _PREFIX.fullmatch(text):
        raise ValidationError("must be at most 64 of ASCII letters, digits, '.', '_', '-', ':'")


def _optional_text() -> fields.String:
    return fields.String(validate=_text_rule, error_messages=_TEXT_WORDS)


def _expected_version() -> fields.Integer:
    return fields.Integer(
        strict=True,
        data_key="expectedVersion",
        validate=_between(1, MAX_VERSION),
        error_messages=_WORDS,
    )


class _QueryInteger(fields.Integer):
    """A whole number as it stands in a query: digits and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not _DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


class _Cursor(fields.Field[str]):
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


class AdjustSchema(StrictSchema):
    """The body of an adjust."""

    delta = fields.Integer(
        strict=True,
        required=True,
        validate=(_between(-MAX_QUANTITY, MAX_QUANTITY), _not_zero),
        error_messages=_WORDS,
    )
    expected_version = _expected_version()
    reason = _optional_text()
    reference = _optional_text()


class ReserveSchema(StrictSchema):
    """The body of a reserve."""

    qty = fields.Integer(strict=True, required=True, validate=_between(1, MAX_QUANTITY), error_messages=_WORDS)
    expected_version = _expected_version()
    reference = _optional_text()


class CountSchema(StrictSchema):
    """The body of a PUT."""

    on_hand = fields.Integer(
        strict=True,
        data_key="onHand",
        required=True,
        validate=_between(0, MAX_QUANTITY),
        error_messages=_WORDS,
    )
    reason = _optional_text()
    reference = _optional_text()


class PageSchema(StrictSchema):
    """The query of a list."""

    limit = _QueryInteger(validate=_between(1, MAX_PAGE), error_messages=_WORDS)
    after = _Cursor(data_key="cursor")
    prefix = fields.String(validate=_prefix_rule)


class _LetterCursor(_Cursor):
    """A cursor of the dead letters: the number of one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _NUMBER.fullmatch(number):
            raise ValidationError("is not a cursor that this service gave out")
        return number


class LetterPageSchema(StrictSchema):
    """The query of the dead letters."""

    limit = _QueryInteger(validate=_between(1, MAX_PAGE), error_messages=_WORDS)
    after = _LetterCursor(data_key="cursor")
    state = fields.String(validate=validate.OneOf(LETTER_STATES, error="must be one of {choices}"))


def _built(schema: type[Schema]) -> Schema:
    fields_of = schema().fields
    # "Partial" in what may be absent: marshmallow passes over it at once then, for 3 µs less a request.
    return schema(partial=tuple(name for name, field in fields_of.items() if not field.required))


ADJUST = _built(AdjustSchema)
RESERVE = _built(ReserveSchema)
COUNT = _built(CountSchema)
PAGE = _built(PageSchema)
LETTER_PAGE = _built(LetterPageSchema)
NOTHING = StrictSchema()


def loaded(schema: Schema, given: object, whole: str, problems: list[FieldProblem]) -> dict[str, Any]:
    """Load ``given``; what is absent from it is absent from the result.

    What is wrong with it is added to ``problems`` and the result means nothing then.

    :param whole: what to call the input where no single field is to blame.
    """
    try:
        found: dict[str, Any] = schema.load(given)  # type: ignore[arg-type]
    except ValidationError as error:
        for name, messages in error.normalized_messages().items():  # type: ignore[no-untyped-call]
            field = whole if name == "_schema" else str(name)
            problems.extend(FieldProblem(field, str(message)) for message in messages)
        return {}
    return found
