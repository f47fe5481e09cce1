"""One SKU over all stores: as of now, and from the central view."""

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.web.answers import Answer, json_answer
from inventory.web.parse import parse_names
from inventory.web.present import sku_body


def blueprint(services: Services) -> Blueprint:
    """Make the views of one SKU."""
    views = Blueprint("central", __name__)
    stock = services.stock

    @views.get("/inventory/<sku>")
    def everywhere(sku: str) -> Answer:
        parse_names(sku=sku)
        found = stock.stock_of_sku(sku)
        return json_answer(sku_body(found))

    @views.get("/central/inventory/<sku>")
    def central(sku: str) -> Answer:
        parse_names(sku=sku)
        found = stock.central_stock(sku)
        return json_answer({**sku_body(found), "lagMs": found.lag_ms})

    return views
