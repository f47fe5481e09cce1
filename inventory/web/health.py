"""Liveness and readiness: whether the process runs, and whether it should get requests."""

from typing import Any

from flask import Blueprint

from inventory.web.answers import Answer, json_answer
from inventory.wiring.services import Services


def blueprint(services: Services) -> Blueprint:
    """Make the views for load balancers and supervisors."""
    views = Blueprint("health", __name__)

    @views.get("/health")
    @views.get("/health/liveness")
    def alive() -> Answer:
        return json_answer({"status": "ok"})

    @views.get("/health/readiness")
    def readiness() -> Answer:
        body = readiness_body(services)
        return json_answer(body, 200 if body["ready"] else 503)

    return views


def readiness_body(services: Services) -> dict[str, Any]:
    """Report whether changes are accepted, and if not, why."""
    status, depth = services.ledger.status(), services.shedder.waiting()
    limit = services.shedder.limit
    breakers = {breaker.name: breaker.state for breaker in services.breakers}
    reasons = []
    if status.read_only is not None:
        reasons.append(f"changes are refused: {status.read_only}")
    if depth > limit:
        reasons.append(f"{depth} requests and changes are waiting; the limit is {limit}")
    # Half-open counts as ready: without a request there is no probe, and without a probe it never closes.
    reasons.extend(f"the circuit breaker of the {name} is open" for name, state in breakers.items() if state == "open")
    body: dict[str, Any] = {
        "ready": not reasons,
        "breakers": breakers,
        "queueDepth": depth,
        "brokenRecords": status.broken,
        # For people: a worker with old views still accepts changes.
        "syncAgeMs": services.sync.age_ms(),
        # For people, too: the service does not stop because a copy of it has.
        "backupLagMs": services.backup_lag_ms(),
        "workerClass": services.serving.worker_class,
        "clockAheadMs": services.clock_lead.ms(),
        "warnings": [str(use) for use in services.quotas.near()],
    }
    if reasons:
        body["reason"] = "; ".join(reasons)
    if status.action is not None:
        body["operatorAction"] = status.action
    return body
