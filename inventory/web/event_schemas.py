"""What queries about events may say."""

from typing import Any

from marshmallow import ValidationError, fields

from inventory.domain.values import Instant, parse_instant
from inventory.web.schemas import MAX_PAGE, MAX_VERSION, StrictSchema, between, built, query_integer

MAX_WAIT_SECONDS = 25
"""Shorter than proxies wait for an answer (nginx: 60 s), and than a server has to end."""


class _InstantField(fields.Field[Instant]):
    """A time as RFC 3339 has it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Instant:
        try:
            return parse_instant(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("must be a time with its offset, as in 2026-11-22T14:38:20Z") from error


class FeedSchema(StrictSchema):
    """The query of the feed."""

    after = query_integer(between(0, MAX_VERSION))
    limit = query_integer(between(1, MAX_PAGE))
    wait = query_integer(between(0, MAX_WAIT_SECONDS))


class HistorySchema(StrictSchema):
    """The query of the history of a record."""

    limit = query_integer(between(1, MAX_PAGE))
    before = query_integer(between(1, MAX_VERSION), data_key="cursor")


class AsOfSchema(StrictSchema):
    """The query of a record: now, or as it was."""

    as_of_sequence = query_integer(between(0, MAX_VERSION), data_key="asOfSequence")
    as_of = _InstantField(data_key="asOf")


FEED = built(FeedSchema)
HISTORY = built(HistorySchema)
AS_OF = built(AsOfSchema)
