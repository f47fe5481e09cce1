"""What the query of the dead letters may say."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from inventory.service.ports.dead_letter_store import LETTER_STATES
from inventory.web.schemas import MAX_PAGE, Cursor, StrictSchema, between, built, query_integer

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class _LetterCursor(Cursor):
    """A cursor of the dead letters: the number of one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _NUMBER.fullmatch(number):
            raise ValidationError("is not a cursor that this service gave out")
        return number


class LetterPageSchema(StrictSchema):
    """The query of the dead letters."""

    limit = query_integer(between(1, MAX_PAGE))
    after = _LetterCursor(data_key="cursor")
    state = fields.String(validate=validate.OneOf(LETTER_STATES, error="must be one of {choices}"))


LETTER_PAGE = built(LetterPageSchema)
