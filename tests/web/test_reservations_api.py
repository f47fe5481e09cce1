"""The HTTP contract of reservations, and faults that shops know from other systems."""

from random import Random

import pytest
from support.apps import RESERVE, HoldShop, lines_of, told

NOW, LATER = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01.000000Z"


@pytest.fixture
def shop() -> HoldShop:
    return HoldShop()


def test_a_hold_is_answered_with_all_of_it_and_where_it_is(shop):
    response = shop.hold(("sku-1", 4), ("sku-2", 2), ttlMs=1000, reference="order-7")
    body = response.json
    assert (response.status_code, response.headers["ETag"]) == (201, '"1"')
    assert response.headers["Location"] == f"/reservations/{body['reservationId']}"
    assert body == {
        "reservationId": body["reservationId"],
        "state": "held",
        "lines": [{**line, "committed": 0, "released": 0} for line in lines_of(("sku-1", 4), ("sku-2", 2))],
        "expiresAt": LATER,
        "reference": "order-7",
        "createdAt": NOW,
        "version": 1,
        "sequence": 3,
    }
    assert shop.get(response.headers["Location"]) == body
    assert (shop.record()["qty"], shop.record()["reserved"], shop.record("sku-2")["qty"]) == (6, 4, 3)


def test_two_lines_of_one_cart_checked_together_do_not_oversell(shop):
    response = shop.hold(("sku-1", 6), ("sku-1", 5))
    assert told(response) == (409, "insufficient_stock")
    assert response.json["lines"] == [{"storeId": "store-1", "sku": "sku-1", "requested": 11, "available": 10}]
    assert shop.record()["reserved"] == 0


def test_a_refusal_lists_every_short_line_and_holds_nothing(shop):
    response = shop.hold(("sku-1", 11), ("sku-2", 6))
    assert [(line["sku"], line["requested"], line["available"]) for line in response.json["lines"]] == [
        ("sku-1", 11, 10),
        ("sku-2", 6, 5),
    ]
    assert (response.json["sku"], response.json["requested"], response.json["available"]) == ("sku-1", 11, 10)
    shop.hold(("sku-1", 1), ("sku-2", 6))
    assert [shop.record(sku)["version"] for sku in ("sku-1", "sku-2")] == [1, 1]


def test_a_hold_always_comes_back(shop):
    shop.held(ttlMs=1000)
    shop.clock.advance(ms=1000)
    assert shop.sweep() == 1
    assert [shop.record(sku)["reserved"] for sku in ("sku-1", "sku-2")] == [0, 0]


@pytest.mark.parametrize("act", ["commit", "release", "extend"])
def test_after_its_end_a_hold_is_expired_though_nothing_has_swept(shop, act):
    path = shop.held(ttlMs=1000)
    shop.clock.advance(ms=1000)
    response = shop.post(f"{path}/{act}", {"ttlMs": 1} if act == "extend" else None)
    assert told(response) == (410, "reservation_expired")
    assert response.json["reservationId"] == path.rpartition("/")[2]
    shop.sweep()
    assert (shop.get(path)["state"], shop.record()["onHand"]) == ("expired", 10)


def test_what_was_committed_in_part_and_then_ran_out_ends_as_committed_and_is_not_listed_as_expired(shop):
    path = shop.held(("sku-1", 4), ttlMs=1000)
    shop.post(f"{path}/commit", {"lines": lines_of(("sku-1", 1))}, Idempotency_Key="parcel-1")
    shop.clock.advance(ms=1000)
    shop.sweep()
    (line,) = shop.get(path)["lines"]
    assert (shop.get(path)["state"], line["committed"], line["released"]) == ("committed", 1, 3)
    assert shop.get("/reservations?state=expired")["items"] == []
    assert told(shop.post(f"{path}/commit")) == (410, "reservation_expired")


def test_a_hold_of_unknown_skus_lists_those_and_no_others(shop):
    response = shop.hold(("sku-1", 99), ("ghost", 1))
    assert told(response) == (404, "not_found")
    assert response.json["lines"] == [{"storeId": "store-1", "sku": "ghost"}]


def test_no_counter_drifts_from_the_ledger(shop):
    dice, paths = Random(11), []
    for _ in range(400):
        act = dice.choice(["hold", "commit", "release", "extend", "sweep", "count", "wait"])
        path = dice.choice(paths) if paths else "/reservations/none"
        part = {"lines": lines_of((dice.choice(["sku-1", "sku-2"]), dice.randint(1, 2))), "expectedVersion": 1}
        if act == "hold":
            response = shop.hold(("sku-1", dice.randint(1, 3)), ("sku-2", 1), ttlMs=dice.choice([500, 60_000]))
            paths += [response.headers["Location"]] if response.status_code == 201 else []
        elif act in ("commit", "release"):
            shop.post(f"{path}/{act}", dice.choice([None, part]))
        elif act == "extend":
            shop.post(f"{path}/extend", {"ttlMs": 700})
        elif act == "count":
            shop.client.put("/stores/store-1/inventory/sku-1", json={"onHand": dice.randint(0, 12)})
        elif act == "sweep":
            shop.sweep()
        shop.clock.advance(ms=100)
        held = {"sku-1": 0, "sku-2": 0}
        for reservation in shop.get("/reservations?limit=1000")["items"]:
            for line in reservation["lines"] or ():
                held[line["sku"]] += line["qty"] - line["committed"] - line["released"]
        assert {sku: shop.record(sku)["reserved"] for sku in held} == held
    assert len(paths) > 10


def test_a_hold_under_a_key_is_made_once(shop):
    body = {"lines": lines_of(("sku-1", 4))}
    first, again = (shop.post("/reservations", body, Idempotency_Key="k") for _ in range(2))
    assert (first.data, again.status_code, again.headers["Idempotent-Replayed"]) == (again.data, 201, "true")
    assert (shop.record()["reserved"], again.headers["Location"]) == (4, first.headers["Location"])


def test_a_reserve_is_a_hold_of_one_line(shop):
    body = shop.post(RESERVE, {"qty": 2, "ttlMs": 1000}).json
    assert (body["reserved"], body["expiresAt"]) == (2, LATER)
    assert shop.post(f"/reservations/{body['reservationId']}/commit").json["state"] == "committed"
    assert "expiresAt" not in shop.post(RESERVE, {"qty": 2}).json
