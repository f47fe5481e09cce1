"""``GET /inventory/{sku}`` and ``GET /central/inventory/{sku}``: one SKU over all stores."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint

from inventory.service.ports.stock_reads import LONGEST, PageRequest, SkuStock
from inventory.web.answers import Answer, json_answer
from inventory.web.pages import MAX_PAGE, cursor_of_name, fitted, withheld_after
from inventory.web.parse import parse_query
from inventory.web.records import record_body
from inventory.web.request_limits import MANY, LargeRead, LargeReads
from inventory.web.schema_fields import CursorField, StrictSchema, between, built, query_integer
from inventory.wiring.services import Services


class SkuPageSchema(StrictSchema):
    """The query of one SKU over all stores; without a limit, as many stores as fit into a body."""

    limit = query_integer(between(1, MAX_PAGE))
    after = CursorField(data_key="cursor")


SKU_PAGE = built(SkuPageSchema)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the views of one SKU."""
    views = Blueprint("central", __name__)
    stock = services.stock

    @views.get("/inventory/<sku>")
    def everywhere(sku: str) -> Answer:
        page = parse_sku_page(sku)
        with large.reading() as read:
            return sku_answer(_found(stock.stock_of_sku, sku, page, read), read)

    @views.get("/central/inventory/<sku>")
    def central(sku: str) -> Answer:
        page = parse_sku_page(sku)
        with large.reading() as read:
            return sku_answer(_found(stock.central_stock, sku, page, read), read, with_lag=True)

    return views


def _found(stock_of: Callable[[str, PageRequest], SkuStock], sku: str, page: PageRequest, read: LargeRead) -> SkuStock:
    """Read a SKU, a small page first: without a limit, that is all of most SKUs."""
    found = stock_of(sku, replace(page, limit=min(page.limit, MANY)))
    if found.next_after is None or page.limit <= MANY:
        return found
    read.has(entries=page.limit)
    return stock_of(sku, page)


def parse_sku_page(sku: str) -> PageRequest:
    """Parse a request for one SKU over all stores; see ``parse_query``."""
    return PageRequest(**{"limit": LONGEST.limit, **parse_query(SKU_PAGE, sku=sku)})


def sku_answer(stock: SkuStock, read: LargeRead, *, with_lag: bool = False) -> Answer:
    """One SKU: the sums over all stores, and part of its records."""
    stores = fitted(stock.records, record_body, read)
    is_cut = stores.many < len(stock.records)
    next_after = stock.records[stores.many - 1].item.store if is_cut else stock.next_after
    body = {
        "sku": stock.sku,
        "qty": stock.totals.qty,
        "reserved": stock.totals.reserved,
        "onHand": stock.totals.on_hand,
        "stores": stores.encoded,
        "nextCursor": None if next_after is None else cursor_of_name(next_after),
        "asOfSequence": stock.as_of_sequence,
    }
    return json_answer({**body, "lagMs": stock.lag_ms} if with_lag else body, headers=withheld_after(stock))
