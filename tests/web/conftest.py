"""An app of its own for every test, over a ledger in memory."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from support.apps import ADJUST, RECORD, RESERVE, make_services
from support.described import undescribed
from support.feeds import CompactedLedger
from support.views import MemoryViews
from werkzeug.test import TestResponse

from inventory.service.history import HistoryService
from inventory.web.app import create_app
from inventory.wiring.services import Services


@pytest.fixture(autouse=True)
def _every_answer_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every answer of every test to openapi.yaml."""
    ask = FlaskClient.open

    def ask_and_compare(self: FlaskClient, *arguments: Any, **more: Any) -> TestResponse:
        response = ask(self, *arguments, **more)
        told = undescribed(response)
        assert told is None, f"openapi.yaml does not describe {told}"
        return response

    monkeypatch.setattr(FlaskClient, "open", ask_and_compare)


@pytest.fixture
def views() -> MemoryViews:
    return MemoryViews()


@pytest.fixture
def ledger() -> CompactedLedger:
    """A ledger whose first events a test may have compacted or deleted."""
    return CompactedLedger()


@pytest.fixture
def services(ledger: CompactedLedger, views: MemoryViews) -> Services:
    return make_services(ledger, views, threads=8)


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def stocked(client: FlaskClient) -> FlaskClient:
    """A client of a service where store-1 has 10 of sku-1, at version 1."""
    client.put(RECORD, json={"onHand": 10})
    return client


@pytest.fixture
def five(stocked: FlaskClient) -> FlaskClient:
    """A count, three adjusts, and a hold."""
    for delta in (-1, -2, 4):
        stocked.post(ADJUST, json={"delta": delta, "reason": "sale", "reference": "till-7"})
    stocked.post(RESERVE, json={"qty": 3})
    return stocked


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Waits that end at once, with nothing new; returns what was waited for and how long."""
    waits: list[tuple[int, float]] = []

    def wait_for(self: object, after: int, seconds: float, **_: object) -> bool:
        waits.append((after, seconds))
        return False

    monkeypatch.setattr(HistoryService, "wait_for", wait_for)
    return waits
