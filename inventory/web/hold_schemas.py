"""What the bodies and queries about reservations, transfers and policies may say."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from inventory.domain.reservation import MAX_LINES
from inventory.domain.values import IDENTIFIER_RULE, MAX_QUANTITY, is_identifier
from inventory.web.schemas import (
    MAX_PAGE,
    MAX_TTL_MS,
    NOT_NULL,
    REQUIRED_WORDS,
    StrictSchema,
    between,
    built,
    expected_version,
    optional_text,
    query_integer,
    whole_number,
    whole_number_or_null,
)

STATES = ("held", "partly_committed", "committed", "released", "expired")


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
    """How long something lasts, in milliseconds: up to a year."""
    return whole_number(between(1, MAX_TTL_MS), data_key="ttlMs", required=required)


class NamedLineSchema(StrictSchema):
    """Units of one item."""

    store_id = identifier("storeId", required=True)
    sku = identifier(required=True)
    qty = whole_number(between(1, MAX_QUANTITY), required=True)


class WantedLineSchema(NamedLineSchema):
    """The same, if the record is at this version."""

    expected_version = expected_version()


class HoldSchema(StrictSchema):
    """The body of POST /reservations."""

    lines = lines_of(WantedLineSchema, required=True)
    ttl_ms = ttl(required=False)
    reference = optional_text()


class PartSchema(StrictSchema):
    """The body of a commit or a release."""

    lines = lines_of(NamedLineSchema, required=False)
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


class ExtendSchema(StrictSchema):
    """The body of an extend."""

    ttl_ms = ttl(required=True)
    expected_version = expected_version()


class TransferLineSchema(StrictSchema):
    """Units of one SKU."""

    sku = identifier(required=True)
    qty = whole_number(between(1, MAX_QUANTITY), required=True)
    expected_version = expected_version()


class TransferSchema(StrictSchema):
    """The body of POST /transfers."""

    source = identifier("from", required=True)
    target = identifier("to", required=True)
    lines = lines_of(TransferLineSchema, required=True)
    reason = optional_text()
    reference = optional_text()


class PolicySchema(StrictSchema):
    """The body of a PUT of a policy; what it leaves out is none."""

    safety_stock = whole_number(between(0, MAX_QUANTITY), data_key="safetyStock")
    low_stock = whole_number_or_null(between(0, MAX_QUANTITY), data_key="lowStock")
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


class ReservationPageSchema(StrictSchema):
    """The query of the list of reservations."""

    limit = query_integer(between(1, MAX_PAGE))
    after = fields.String(data_key="cursor")
    state = fields.String(validate=validate.OneOf(STATES, error="must be one of {choices}"))
    store = identifier("storeId")
    sku = identifier()
    reference = optional_text()
    detail = fields.String(validate=validate.OneOf(("lines",), error="must be lines"))


HOLD = built(HoldSchema)
PART = built(PartSchema)
EXTEND = built(ExtendSchema)
POLICY = built(PolicySchema)
TRANSFER = built(TransferSchema)
RESERVATION_PAGE = built(ReservationPageSchema)
