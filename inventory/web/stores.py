"""Stores, and what each of them has."""

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.web.answers import Answer
from inventory.web.parse import parse_page
from inventory.web.present import record_page, store_page


def blueprint(services: Services) -> Blueprint:
    """Make the views of lists."""
    views = Blueprint("stores", __name__)
    stock = services.stock

    @views.get("/stores")
    def stores() -> Answer:
        page = parse_page()
        return store_page(stock.stores(page))

    @views.get("/stores/<store>/inventory")
    def inventory(store: str) -> Answer:
        page = parse_page(storeId=store)
        return record_page(stock.records_of_store(store, page))

    return views
