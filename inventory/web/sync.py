"""The sync pass on demand, and what was published last."""

from flask import Blueprint

from inventory.bootstrap.services import Services
from inventory.web.answers import Answer, json_answer
from inventory.web.parse import parse_names, parse_nothing
from inventory.web.present import sync_result_body, sync_status_body


def blueprint(services: Services) -> Blueprint:
    """Make the views of the sync."""
    views = Blueprint("sync", __name__)

    @views.post("/sync")
    def sync() -> Answer:
        parse_nothing()
        result = services.sync.sync_once()
        return json_answer(sync_result_body(result))

    @views.get("/sync/status")
    def status() -> Answer:
        parse_names()
        sequence = services.ledger.status().sequence
        return json_answer(sync_status_body(services.sync.status(), sequence))

    return views
