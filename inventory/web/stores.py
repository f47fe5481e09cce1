"""``GET /stores`` and ``GET /stores/{storeId}/inventory``: lists of stores and of records."""

import re
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError, fields

from inventory.domain.record import Record
from inventory.service.ports.stock_reads import Page, PageRequest, StoreSummary
from inventory.web.answers import Answer
from inventory.web.pages import MAX_PAGE, cursor_of_name, page_answer
from inventory.web.parse import parse_query
from inventory.web.records import record_body
from inventory.web.request_limits import LargeRead, LargeReads
from inventory.web.schema_fields import CursorField, StrictSchema, between, built, query_integer
from inventory.wiring.services import Services

_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,64}", re.ASCII)


def _prefix_rule(text: str) -> None:
    if not _PREFIX.fullmatch(text):
        raise ValidationError("must be at most 64 ASCII letters, digits, '.', '_', '-' or ':'")


class PageSchema(StrictSchema):
    """The query of a list."""

    limit = query_integer(between(1, MAX_PAGE))
    after = CursorField(data_key="cursor")
    prefix = fields.String(validate=_prefix_rule)


PAGE = built(PageSchema)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the views of lists."""
    views = Blueprint("stores", __name__)
    stock = services.stock

    @views.get("/stores")
    def stores() -> Answer:
        page = parse_page()
        with large.reading() as read:
            return store_page(stock.stores(page), read)

    @views.get("/stores/<store>/inventory")
    def inventory(store: str) -> Answer:
        page = parse_page(storeId=store)
        with large.reading() as read:
            return record_page(stock.records_of_store(store, page), read)

    return views


def parse_page(**names: str) -> PageRequest:
    """Parse a request for a page of a list; see ``parse_query``."""
    return PageRequest(**parse_query(PAGE, **names))


def store_page(page: Page[StoreSummary], read: LargeRead) -> Answer:
    """A page of stores."""
    return page_answer(page, _store_body, lambda store: store.store, cursor_of_name, read)


def _store_body(store: StoreSummary) -> dict[str, Any]:
    return {"storeId": store.store, "skus": store.skus}


def record_page(page: Page[Record], read: LargeRead) -> Answer:
    """A page of the records of a store."""
    return page_answer(page, record_body, lambda record: record.item.sku, cursor_of_name, read)
