"""The age of the views among the metrics."""

import pytest
from support.apps import NOW, make_services
from support.views import MemoryViews

from inventory.domain.values import Instant
from inventory.service.ports.published_views import SyncStatus
from inventory.web.app import create_app

TEXT = {"Accept": "text/plain"}


@pytest.fixture
def behind(views: MemoryViews):
    """A client of a service whose last pass was 1,250 ms ago, with an event since."""
    made = create_app(make_services(views=views)).test_client()
    made.put("/stores/store-1/inventory/sku-1", json={"onHand": 1})
    views.note(SyncStatus(0, Instant(NOW - 1_250_000), 1, 0))
    return made


def test_as_json_it_is_in_milliseconds(behind):
    assert behind.get("/metrics").json["syncAgeMs"] == 1250


def test_for_prometheus_it_is_in_seconds(behind):
    assert "\ninventory_sync_age_seconds 1.25\n" in behind.get("/metrics", headers=TEXT).text


def test_before_the_first_pass_it_is_null_and_has_no_sample(client):
    assert client.get("/metrics").json["syncAgeMs"] is None
    assert "\ninventory_sync_age_seconds " not in client.get("/metrics", headers=TEXT).text
