"""``GET /dead-letters``: the list of dead letters."""

import re
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError, fields, validate

from inventory.eventlog.dead_letter_file import letter_as_json
from inventory.service.ports.dead_letter_store import LETTER_STATES, LetterState, NumberedLetter
from inventory.service.ports.stock_reads import Page, PageRequest
from inventory.web.answers import Answer
from inventory.web.pages import cursor_of_name, page_answer
from inventory.web.parse import parse_query
from inventory.web.request_limits import LargeRead, LargeReads
from inventory.web.schema_fields import MAX_PAGE, CursorField, StrictSchema, between, built, query_integer
from inventory.wiring.services import Services

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class _LetterCursorField(CursorField):
    """A cursor of the dead letters: the number of a dead letter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _NUMBER.fullmatch(number):
            raise ValidationError("is not a valid cursor")
        return number


class LetterPageSchema(StrictSchema):
    """The query of the dead letters."""

    limit = query_integer(between(1, MAX_PAGE))
    after = _LetterCursorField(data_key="cursor")
    state = fields.String(validate=validate.OneOf(LETTER_STATES, error="must be one of {choices}"))


LETTER_PAGE = built(LetterPageSchema)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the view of the dead letters. A command settles them, never HTTP."""
    views = Blueprint("dead-letters", __name__)

    @views.get("/dead-letters")
    def dead_letters() -> Answer:
        page, state = parse_letter_page()
        with large.reading() as read:
            return letter_page(services.dead_letters.page(page, state), read)

    return views


def parse_letter_page() -> tuple[PageRequest, LetterState | None]:
    """Parse a request for a page of the dead letters, and the state to list; see ``parse_query``."""
    page = parse_query(LETTER_PAGE)
    state: LetterState | None = page.pop("state", None)
    return PageRequest(**page), state


def letter_page(page: Page[NumberedLetter], read: LargeRead) -> Answer:
    """A page of dead letters."""
    return page_answer(page, lambda one: letter_as_json(one.letter), lambda one: str(one.number), cursor_of_name, read)
