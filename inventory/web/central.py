"""One SKU over all stores: as of now, and from the central view."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.service.ports.stock_reads import PageRequest, SkuStock
from inventory.web.answers import Answer
from inventory.web.large_reads import MANY, LargeRead, LargeReads
from inventory.web.parse import parse_sku_page
from inventory.web.present import sku_answer


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
    """Read a SKU. Of one with many stores a small part first: without a limit that is all for most of them."""
    found = stock_of(sku, replace(page, limit=min(page.limit, MANY)))
    if found.next_after is None or page.limit <= MANY:
        return found
    read.has(entries=page.limit)
    return stock_of(sku, page)
