"""``GET /capabilities``: what a client must know of this service before it sends anything."""

from typing import Any

from flask import Blueprint

from inventory import __version__
from inventory.domain.reservation import MAX_LINES
from inventory.domain.values import MAX_IDENTIFIER, MAX_QUANTITY, MAX_TEXT
from inventory.settings import Settings
from inventory.web.answers import Answer, json_answer
from inventory.web.batch import MAX_OPERATIONS
from inventory.web.events import MAX_WAIT_SECONDS
from inventory.web.idempotency_key import MAX_KEY_LENGTH
from inventory.web.pages import MAX_PAGE
from inventory.web.request_body import MAX_BODY_BYTES, MAX_LIST_BYTES
from inventory.web.request_limits import MOST_BYTES
from inventory.web.schema_fields import MAX_TTL_MS, MIN_TTL_MS
from inventory.wiring.services import Services


def blueprint(services: Services) -> Blueprint:
    """Make the view. It reads no file: its answer does not depend on whether the log can be read."""
    views = Blueprint("capabilities", __name__)
    engine, limits = services.ledger.engine, _limits(services.settings)

    @views.get("/capabilities")
    def capabilities() -> Answer:
        ids = services.ledger.status().ids
        return json_answer(
            {
                "version": __version__,
                "engine": engine.name,
                "logFormat": engine.log_format,
                "ledgerId": ids.ledger_id,
                "timelineId": ids.timeline_id,
                "serverTimeMs": services.now() // 1000,
                "limits": limits,
            }
        )

    return views


def _limits(settings: Settings) -> dict[str, Any]:
    return {
        "idempTtlMs": settings.idemp_ttl_ms,
        "reservationKeepMs": max(settings.reservation_keep_ms, settings.idemp_ttl_ms),
        "commitWaitMs": settings.commit_wait_ms,
        "clientTimeoutMs": settings.client_timeout_ms,
        "rateLimitRps": settings.rate_limit_rps,
        "rateLimitBurst": settings.rate_limit_burst,
        "maxBodyBytes": MAX_BODY_BYTES,
        "maxListBodyBytes": MAX_LIST_BYTES,
        "maxPageItems": MAX_PAGE,
        "maxPageBytes": MOST_BYTES,
        "maxWaitSeconds": MAX_WAIT_SECONDS,
        "maxBatchOperations": MAX_OPERATIONS,
        "maxLines": MAX_LINES,
        "minTtlMs": MIN_TTL_MS,
        "maxTtlMs": MAX_TTL_MS,
        "maxQuantity": MAX_QUANTITY,
        "maxKeyLength": MAX_KEY_LENGTH,
        "maxIdentifierLength": MAX_IDENTIFIER,
        "maxTextLength": MAX_TEXT,
        "maxRecords": settings.max_records,
        "maxStores": settings.max_stores,
        "maxOpenReservations": settings.max_open_reservations,
    }
