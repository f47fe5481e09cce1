"""POST /sync, GET /sync/status, and the age of the views in the metrics."""

import pytest
from support.apps import ADJUST, NOW, NOW_TEXT, make_services, wrong_fields
from support.views import MemoryViews

from inventory.domain.values import Instant
from inventory.service.ports.published_views import SyncStatus
from inventory.web.app import create_app


def test_a_sync_publishes_everything_that_was_committed_before(stocked, views):
    response = stocked.post("/sync")

    assert (response.status_code, response.json) == (200, {"published": True, "asOfSequence": 1, "tookMs": 0})
    assert [snapshot.as_of_sequence for snapshot in views.published] == [1]


def test_a_sync_without_news_publishes_nothing(stocked, views):
    stocked.post("/sync")

    assert stocked.post("/sync").json["published"] is False
    assert len(views.published) == 1


def test_a_sync_whose_process_lock_another_process_has_is_overloaded(stocked, views):
    views.is_free = False

    response = stocked.post("/sync")

    assert (response.status_code, response.json["error"]) == (503, "overloaded")
    assert response.headers["Retry-After"] == "1"


def test_the_status_before_the_first_pass_names_nothing(stocked):
    assert stocked.get("/sync/status").json == {
        "asOfSequence": None,
        "publishedAt": None,
        "tookMs": 0,
        "failures": 0,
        "pendingEvents": 1,
    }


def test_the_status_tells_what_was_published_and_what_is_to_come(stocked):
    stocked.post("/sync")
    stocked.post(ADJUST, json={"delta": 1})

    status = stocked.get("/sync/status").json

    assert (status["asOfSequence"], status["publishedAt"], status["pendingEvents"]) == (1, NOW_TEXT, 1)


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
def test_a_sync_has_nothing_to_say(client, body):
    assert client.post("/sync", data=body, content_type="application/json").status_code == 200


def test_a_sync_with_something_to_say_is_refused(client):
    response = client.post("/sync?now=1", json={"force": True})

    assert (response.status_code, wrong_fields(response)) == (400, ["force", "now"])


@pytest.mark.parametrize(
    ("body", "media_type", "status"), [(b"[]", "application/json", 400), (b"{}", "text/plain", 415)]
)
def test_a_sync_with_a_body_of_another_kind_is_refused(client, body, media_type, status):
    assert client.post("/sync", data=body, content_type=media_type).status_code == status


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
