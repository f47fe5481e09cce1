"""The metrics, as JSON for people and as text for Prometheus."""

from flask import Blueprint, request
from werkzeug.datastructures import MIMEAccept

from inventory.web.answers import JSON, Answer, json_answer
from inventory.web.metrics import Metrics

TEXTS = ("application/openmetrics-text", "text/plain")
_VARY = (("Vary", "Accept"),)


def blueprint(metrics: Metrics) -> Blueprint:
    """Make the view of the metrics."""
    views = Blueprint("metrics", __name__)

    @views.get("/metrics")
    def show() -> Answer:
        accept = text_wanted(request.accept_mimetypes)
        if not accept:
            return json_answer(metrics.totals(), headers=_VARY)
        text, media_type = metrics.exposition(accept)
        return Answer(text, 200, _VARY, media_type)

    return views


def text_wanted(accept: MIMEAccept) -> str:
    """Return the text types that the client prefers to JSON, as a header value; empty if there are none.

    A wildcard prefers nothing, so the answer is JSON.
    """
    quality = dict.fromkeys((JSON, *TEXTS), 0.0)
    texts = []
    for value, weight in accept:
        kind = value.partition(";")[0].strip()
        quality[kind] = max(quality.get(kind, 0.0), weight)
        if kind in TEXTS and weight > 0:
            texts.append(value)
    return ",".join(texts) if max(quality[kind] for kind in TEXTS) > quality[JSON] else ""
