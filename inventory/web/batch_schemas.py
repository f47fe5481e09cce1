"""What the body of a batch may say."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from inventory.web.hold_schemas import identifier
from inventory.web.schemas import (
    NOT_NULL,
    REQUIRED_WORDS,
    AdjustSchema,
    CountSchema,
    ReserveSchema,
    StrictSchema,
    built,
    expected_version,
)

MAX_OPERATIONS = 1000


class _Place(StrictSchema):
    """What every operation has."""

    op = fields.String(required=True)
    store_id = identifier("storeId", required=True)
    sku = identifier(required=True)


class _AdjustOperation(_Place, AdjustSchema):
    """An adjust of one record."""


class _ReserveOperation(_Place, ReserveSchema):
    """A hold of one line."""


class _CountOperation(_Place, CountSchema):
    """A count of one record; creates it if it is not there. There is no If-Match for one operation."""

    expected_version = expected_version()

    class Meta(StrictSchema.Meta):
        exclude = ("counted_at_version",)


_OPERATIONS: Mapping[str, StrictSchema] = {
    "adjust": _AdjustOperation(),
    "reserve": _ReserveOperation(),
    "count": _CountOperation(),
}


class _Operation(fields.Field[dict[str, Any]]):
    """One operation, loaded by the schema that its ``op`` names."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be a JSON object")
        op = value.get("op")
        if not isinstance(op, str) or op not in _OPERATIONS:
            raise ValidationError({"op": [f"must be one of {', '.join(_OPERATIONS)}"]})
        loaded: dict[str, Any] = _OPERATIONS[op].load(value)
        return loaded


class _TrueOrFalse(fields.Field[bool]):
    """A JSON boolean. marshmallow's own takes 1 and 0 for them."""

    default_error_messages = {"invalid": ""}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class BatchSchema(StrictSchema):
    """The body of POST /inventory/batch."""

    atomic = _TrueOrFalse(required=True, error_messages={**REQUIRED_WORDS, "invalid": "must be true or false"})
    operations = fields.List(
        _Operation(error_messages={"null": NOT_NULL}),
        required=True,
        validate=validate.Length(1, MAX_OPERATIONS, error="must have {min} to {max} operations"),
        error_messages={**REQUIRED_WORDS, "invalid": "must be a list"},
    )


BATCH = built(BatchSchema)
