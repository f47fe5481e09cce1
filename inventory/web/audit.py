"""``GET /audit/verify``: compares the memory of the worker with the log."""

from flask import Blueprint

from inventory.web.answers import Answer, json_answer
from inventory.web.parse import parse_names
from inventory.wiring.services import Services


def blueprint(services: Services) -> Blueprint:
    """Make the view of the audit."""
    views = Blueprint("audit", __name__)

    @views.get("/audit/verify")
    def verify() -> Answer:
        parse_names()
        return json_answer(services.audit.run())

    return views
