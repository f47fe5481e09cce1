"""``/sync``: a sync pass on demand, and the state of the published views."""

from typing import Any

from flask import Blueprint

from inventory.domain.values import format_instant
from inventory.service.ports.published_views import SyncStatus
from inventory.service.sync import SyncResult
from inventory.web.answers import Answer, json_answer
from inventory.web.parse import parse_names, parse_nothing
from inventory.wiring.services import Services


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


def sync_result_body(result: SyncResult) -> dict[str, Any]:
    """The result of a sync pass."""
    return {"published": result.published, "asOfSequence": result.as_of_sequence, "tookMs": result.took_ms}


def sync_status_body(status: SyncStatus, sequence: int) -> dict[str, Any]:
    """What was published last, and how many of the ``sequence`` committed events are later."""
    is_first_to_come = status.sequence < 0
    return {
        "asOfSequence": None if is_first_to_come else status.sequence,
        "publishedAt": None if is_first_to_come else format_instant(status.at),
        "tookMs": status.took_ms,
        "failures": status.failures,
        "pendingEvents": max(0, sequence - max(0, status.sequence)),
    }
