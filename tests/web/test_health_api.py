"""Health, liveness, readiness."""

import pytest
from support.apps import NOW, FailingLedger, make_services
from support.views import MemoryViews

from inventory.domain.values import Instant
from inventory.service.ports.health import LedgerStatus
from inventory.service.ports.published_views import SyncStatus
from inventory.web.app import create_app


class Ledger(FailingLedger):
    def __init__(self, read_only=None, depth=0, broken=0, action=None) -> None:
        super().__init__()
        self._as_it_is = LedgerStatus(1, 1, read_only, broken, action)
        self._depth = depth

    def status(self) -> LedgerStatus:
        return self._as_it_is

    def queue_depth(self) -> int:
        return self._depth


def readiness(**ledger):
    return create_app(make_services(Ledger(**ledger), load_shed_queue_max=4)).test_client().get("/health/readiness")


@pytest.mark.parametrize("path", ["/health", "/health/liveness"])
def test_a_process_that_answers_lives(client, path):
    response = client.get(path)

    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_a_service_that_takes_changes_is_ready(client):
    response = client.get("/health/readiness")

    assert response.status_code == 200
    assert response.json == {
        "ready": True,
        "breakers": {"ledger": "closed", "sync": "closed"},
        "queueDepth": 0,
        "brokenRecords": 0,
        "clockAheadMs": 0,
        "syncAgeMs": None,
        "backupLagMs": None,
        "workerClass": "other",
        "warnings": [],
    }


def test_a_service_that_is_read_only_is_not_ready_and_says_why():
    response = readiness(read_only="the disk failed")

    assert (response.status_code, response.content_type) == (503, "application/json")
    assert response.json["ready"] is False
    assert "the disk failed" in response.json["reason"]


def test_a_service_that_needs_an_operator_says_what_to_do():
    response = readiness(read_only="the disk failed", action="start a server")

    assert (response.status_code, response.json["operatorAction"]) == (503, "start a server")


@pytest.mark.parametrize(("depth", "status"), [(4, 200), (5, 503)])
def test_a_service_with_too_long_a_queue_is_not_ready(depth, status):
    response = readiness(depth=depth)

    assert (response.status_code, response.json["queueDepth"]) == (status, depth)


def test_broken_records_are_counted_and_leave_the_service_ready():
    response = readiness(broken=2)

    assert (response.status_code, response.json["brokenRecords"]) == (200, 2)


def test_old_views_leave_the_service_ready():
    views = MemoryViews()
    views.note(SyncStatus(0, Instant(NOW - 86_400_000_000), 1, 0))
    response = create_app(make_services(Ledger(), views)).test_client().get("/health/readiness")

    assert (response.status_code, response.json["syncAgeMs"]) == (200, 86_400_000)
