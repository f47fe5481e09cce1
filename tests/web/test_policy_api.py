"""The HTTP contract of safety stock and thresholds."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE, HoldShop, told, wrong_fields

POLICY = f"{RECORD}/policy"


@pytest.fixture
def shop() -> HoldShop:
    return HoldShop()


def test_a_policy_shows_in_the_record_from_then_on(shop):
    response = shop.client.put(POLICY, json={"safetyStock": 3, "lowStock": 5})
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert response.json == shop.record()
    shown = {name: shop.record()[name] for name in ("qty", "available", "safetyStock", "lowStock")}
    assert shown == {"qty": 10, "available": 7, "safetyStock": 3, "lowStock": 5}


def test_a_record_without_a_policy_shows_none(shop):
    assert not {"available", "safetyStock", "lowStock", "oversoldBy"} & set(shop.record())


def test_a_hold_leaves_the_safety_stock_alone_and_an_adjust_does_not(shop):
    shop.client.put(POLICY, json={"safetyStock": 3})
    response = shop.post(RESERVE, {"qty": 8})
    assert (told(response), response.json["available"]) == ((409, "insufficient_stock"), 7)
    assert shop.post(ADJUST, {"delta": -10}).json["qty"] == 0
    assert shop.record()["available"] == 0


def test_what_a_policy_leaves_out_is_none(shop):
    shop.client.put(POLICY, json={"safetyStock": 3, "lowStock": 5})
    record = shop.client.put(POLICY, json={}).json
    assert (record["safetyStock"], record["lowStock"], record["available"]) == (0, None, 10)


def test_a_policy_is_set_only_at_the_version_that_is_expected(shop):
    response = shop.client.put(POLICY, json={"safetyStock": 3}, headers={"If-Match": '"7"'})
    assert told(response) == (409, "version_conflict")
    assert shop.client.put(POLICY, json={"expectedVersion": 1}).status_code == 200


def test_a_policy_of_what_is_not_there_is_not_found(shop):
    assert told(shop.client.put("/stores/store-1/inventory/sku-9/policy", json={})) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"), [({"safetyStock": -1}, "safetyStock"), ({"lowStock": "1"}, "lowStock"), ({"low": 1}, "low")]
)
def test_a_wrong_policy_is_named(shop, body, field):
    response = shop.client.put(POLICY, json=body)
    assert (response.status_code, wrong_fields(response)) == (400, [field])


def test_a_policy_under_a_key_is_set_once(shop):
    answers = [shop.client.put(POLICY, json={"lowStock": 1}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert shop.record()["version"] == 2
