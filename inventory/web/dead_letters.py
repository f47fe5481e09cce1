"""``GET /dead-letters``: the list of dead letters."""

import re
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError, fields, validate

from inventory.eventlog.dead_letter_file import dead_letter_as_json
from inventory.service.ports.dead_letter_store import DEAD_LETTER_STATES, DeadLetterState, NumberedDeadLetter
from inventory.service.ports.stock_reads import Page, PageRequest
from inventory.web.answers import Answer
from inventory.web.pages import MAX_PAGE, cursor_of_name, page_answer
from inventory.web.parse import parse_query
from inventory.web.request_limits import LargeRead, LargeReads
from inventory.web.schema_fields import CursorField, StrictSchema, between, built, query_integer
from inventory.wiring.services import Services

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class _DeadLetterCursorField(CursorField):
    """A cursor of the dead letters: the number of a dead letter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _NUMBER.fullmatch(number):
            raise ValidationError("is not a valid cursor")
        return number


class DeadLetterPageSchema(StrictSchema):
    """The query of the dead letters."""

    limit = query_integer(between(1, MAX_PAGE))
    after = _DeadLetterCursorField(data_key="cursor")
    state = fields.String(validate=validate.OneOf(DEAD_LETTER_STATES, error="must be one of {choices}"))


DEAD_LETTER_PAGE = built(DeadLetterPageSchema)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the view of the dead letters. A command settles them, never HTTP."""
    views = Blueprint("dead-letters", __name__)

    @views.get("/dead-letters")
    def dead_letters() -> Answer:
        page, state = parse_dead_letter_page()
        with large.reading() as read:
            return dead_letter_page(services.dead_letters.page(page, state), read)

    return views


def parse_dead_letter_page() -> tuple[PageRequest, DeadLetterState | None]:
    """Parse a request for a page of the dead letters, and the state to list; see ``parse_query``."""
    page = parse_query(DEAD_LETTER_PAGE)
    state: DeadLetterState | None = page.pop("state", None)
    return PageRequest(**page), state


def dead_letter_page(page: Page[NumberedDeadLetter], read: LargeRead) -> Answer:
    """A page of dead letters."""
    return page_answer(
        page, lambda one: dead_letter_as_json(one.letter), lambda one: str(one.number), cursor_of_name, read
    )
