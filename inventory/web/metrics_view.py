"""The metrics, as JSON for people and as text for Prometheus."""

from flask import Blueprint, Response, request

from inventory.web.answers import JSON, Answer, json_answer
from inventory.web.metrics import Metrics

OPENMETRICS = "application/openmetrics-text"
TEXT = "text/plain"


def blueprint(metrics: Metrics) -> Blueprint:
    """Make the view of the metrics."""
    views = Blueprint("metrics", __name__)

    @views.get("/metrics")
    def show() -> Response:
        # JSON stands first, so it wins wherever the client does not care.
        wanted = request.accept_mimetypes.best_match((JSON, OPENMETRICS, TEXT), JSON)
        if wanted == JSON:
            return json_answer(metrics.totals(), headers=(("Vary", "Accept"),))
        text, media_type = metrics.exposition(wanted)
        return Answer(text, 200, (("Vary", "Accept"),), media_type)

    return views
