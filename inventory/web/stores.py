"""Stores, and what each of them has."""

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.web.answers import Answer
from inventory.web.large_reads import LargeReads
from inventory.web.parse import parse_page
from inventory.web.present import record_page, store_page


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
