"""An app of its own for every test, over a ledger in memory."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web.apps import RECORD, MemoryViews, make_services

from inventory.bootstrap.services import Services
from inventory.web.app import create_app


@pytest.fixture
def views() -> MemoryViews:
    return MemoryViews()


@pytest.fixture
def services(views: MemoryViews) -> Services:
    return make_services(views=views)


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
