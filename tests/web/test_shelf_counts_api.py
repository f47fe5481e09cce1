"""PUT …/{sku} with countedAtVersion, sent twice, by two people, and beside other counts."""

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, RECORD


@pytest.fixture
def ten(client: FlaskClient) -> FlaskClient:
    """10 on the screen at version 1."""
    client.put(RECORD, json={"onHand": 10})
    return client


def counted(client: FlaskClient, on_hand: int, version: int = 1) -> int:
    response = client.put(RECORD, json={"onHand": on_hand, "countedAtVersion": version})
    assert response.status_code == 200, response.json
    return int(response.json["onHand"])


def test_a_count_that_is_sent_twice_without_a_key_corrects_once(ten):
    assert [counted(ten, 9), counted(ten, 9), counted(ten, 9)] == [9, 9, 9]


def test_of_two_people_who_count_one_shelf_from_one_screen_the_later_holds(ten):
    ten.post(ADJUST, json={"delta": -3})
    assert counted(ten, 9) == 6
    ten.post(ADJUST, json={"delta": 5})
    # 8 at the time of the screen; since then 3 went and 5 came, and what the other one corrected is no change.
    assert counted(ten, 8) == 10


def test_a_count_that_does_not_say_when_is_no_change_since_either(ten):
    ten.put(RECORD, json={"onHand": 4})
    assert counted(ten, 9) == 9


def test_a_count_in_a_batch_that_is_not_atomic_is_a_count(ten):
    operation = {"op": "count", "storeId": "store-1", "sku": "sku-1", "onHand": 4}
    ten.post("/inventory/batch", json={"atomic": False, "operations": [operation]})
    assert counted(ten, 9) == 9


def test_an_atomic_batch_counts_as_what_it_changed_in_sum(ten):
    # Its event does not tell what of it was counted.
    operation = {"op": "count", "storeId": "store-1", "sku": "sku-1", "onHand": 4}
    ten.post("/inventory/batch", json={"atomic": True, "operations": [operation]})
    assert counted(ten, 9) == 3


def test_a_record_whose_last_event_was_deleted_is_counted_and_shown_as_of_now(ten, ledger):
    ten.put("/stores/store-2/inventory/sku-1", json={"onHand": 1})
    ledger.part.compacted = ledger.part.deleted = 1
    now = ten.get(RECORD).json
    assert ten.get(f"{RECORD}?asOfSequence=2").json == ten.get(f"{RECORD}?asOf=2099-01-01T00:00:00Z").json == now
    assert counted(ten, 9) == 9
