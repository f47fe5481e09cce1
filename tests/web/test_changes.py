"""PUT, adjust and reserve: the answer to a well-formed change."""

import pytest
from support.apps import ADJUST, NOW_TEXT, RECORD, RESERVE, make_services
from support.views import MemoryViews

from inventory.domain.values import Instant
from inventory.memory.ledger import MemoryLedger
from inventory.web.app import create_app


def test_a_put_on_nothing_creates_the_record_and_says_where(client):
    response = client.put(RECORD, json={"onHand": 10})

    assert response.status_code == 201
    assert response.headers["Location"] == RECORD
    assert response.headers["ETag"] == '"1"'
    assert response.json == {
        "storeId": "store-1",
        "sku": "sku-1",
        "qty": 10,
        "reserved": 0,
        "onHand": 10,
        "version": 1,
        "sequence": 1,
        "updatedAt": NOW_TEXT,
    }


def test_a_put_on_a_record_counts_it_and_names_the_version_before(stocked):
    response = stocked.put(RECORD, json={"onHand": 7})

    assert response.status_code == 200
    assert (response.json["onHand"], response.json["version"], response.json["previousVersion"]) == (7, 2, 1)
    assert "Location" not in response.headers


def test_a_count_that_finds_what_was_expected_is_an_event_too(stocked):
    response = stocked.put(RECORD, json={"onHand": 10})

    assert response.json["version"] == 2


@pytest.mark.parametrize(("delta", "left"), [(-3, 7), (5, 15), (-10, 0)])
def test_an_adjust_changes_the_stock_by_its_delta(stocked, delta, left):
    response = stocked.post(ADJUST, json={"delta": delta, "reason": "sold", "reference": "till 4"})

    assert response.status_code == 200
    assert (response.json["qty"], response.json["version"]) == (left, 2)
    assert response.headers["ETag"] == '"2"'


def test_an_adjust_below_zero_is_refused_with_what_was_asked_and_what_is_there(stocked):
    response = stocked.post(ADJUST, json={"delta": -11})

    assert (response.status_code, response.json["error"]) == (409, "insufficient_stock")
    assert (response.json["requested"], response.json["available"]) == (11, 10)
    assert stocked.get(RECORD).json["version"] == 1


def test_a_reserve_holds_units_and_names_the_reservation(stocked):
    response = stocked.post(RESERVE, json={"qty": 4, "reference": "order 7"})

    assert response.status_code == 200
    assert (response.json["qty"], response.json["reserved"], response.json["onHand"]) == (6, 4, 10)
    assert response.json["reservationId"]


def test_two_reserves_have_two_reservations(stocked):
    first, second = (stocked.post(RESERVE, json={"qty": 1}).json["reservationId"] for _ in range(2))

    assert first != second


def test_a_reserve_of_more_than_is_available_is_refused(stocked):
    response = stocked.post(RESERVE, json={"qty": 11})

    assert (response.status_code, response.json["error"]) == (409, "insufficient_stock")


@pytest.mark.parametrize(("path", "body"), [(ADJUST, {"delta": 1}), (RESERVE, {"qty": 1})])
def test_a_change_of_a_record_that_is_not_there_is_not_found(client, path, body):
    response = client.post(path, json=body)

    assert (response.status_code, response.json["error"]) == (404, "not_found")
    assert (response.json["storeId"], response.json["sku"]) == ("store-1", "sku-1")


def test_what_the_caller_said_of_a_change_is_in_its_event():
    ledger = MemoryLedger()
    client = create_app(make_services(ledger)).test_client()
    client.put(RECORD, json={"onHand": 1, "reason": "count", "reference": "c-1"}, headers={"X-Request-Id": "r-1"})

    assert ledger.events[0].note == ("anonymous", "r-1", "count", "c-1")


def test_an_instant_on_the_second_still_has_six_digits(client):
    response = client.put(RECORD, json={"onHand": 1})

    assert response.json["updatedAt"].endswith(":00.000000Z")


def test_an_instant_keeps_its_microseconds():
    ledger = MemoryLedger(now=lambda: Instant(1_767_225_600_000_001))
    client = create_app(make_services(ledger, MemoryViews())).test_client()

    assert client.put(RECORD, json={"onHand": 1}).json["updatedAt"] == "2026-01-01T00:00:00.000001Z"


def test_every_spelling_of_the_media_type_is_taken(client):
    response = client.put(RECORD, data=b'{"onHand": 1}', content_type="Application/JSON; charset=UTF-8")

    assert response.status_code == 201


def test_a_colon_in_a_sku_may_be_escaped(client):
    client.put("/stores/s/inventory/a%3Ab", json={"onHand": 1})

    assert client.get("/stores/s/inventory/a:b").json["sku"] == "a:b"
