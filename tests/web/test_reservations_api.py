"""The HTTP contract of reservations, and what shops complain of elsewhere."""

from random import Random

import pytest
from web.apps import RESERVE, wrong_fields
from web.hold_apps import HoldShop, lines_of, told

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
            for line in reservation["lines"]:
                held[line["sku"]] += line["qty"] - line["committed"] - line["released"]
        assert {sku: shop.record(sku)["reserved"] for sku in held} == held
    assert len(paths) > 10


def test_the_whole_needs_no_body_and_may_be_asked_twice(shop):
    for act, state in (("commit", "committed"), ("release", "released")):
        path = shop.held(("sku-1", 1))
        first, again = (shop.post(f"{path}/{act}") for _ in range(2))
        assert (first.status_code, first.json["state"]) == (200, state)
        assert (again.status_code, again.data) == (200, first.data)
    assert (shop.record()["onHand"], shop.record()["reserved"]) == (9, 0)


def test_committed_in_part_and_then_released_ends_as_committed_however_often_it_is_asked(shop):
    path = shop.held(("sku-1", 4))
    part = shop.post(f"{path}/commit", {"lines": lines_of(("sku-1", 1)), "expectedVersion": 1})
    assert part.json["state"] == "partly_committed"
    first, again = (shop.post(f"{path}/release") for _ in range(2))
    assert (first.json["state"], first.json["lines"][0]["released"]) == ("committed", 3)
    assert (again.status_code, again.data) == (200, first.data)


@pytest.mark.parametrize("act", ["commit", "release"])
def test_a_part_needs_a_key_or_a_version_so_that_it_counts_once(shop, act):
    path, body = shop.held(("sku-1", 4)), {"lines": lines_of(("sku-1", 1))}
    refused = shop.post(f"{path}/{act}", body)
    assert (told(refused), wrong_fields(refused)) == ((400, "validation_error"), ["lines"])
    first, again = (shop.post(f"{path}/{act}", body, Idempotency_Key="k") for _ in range(2))
    assert (first.data, again.headers["Idempotent-Replayed"]) == (again.data, "true")
    assert told(shop.post(f"{path}/{act}", {**body, "expectedVersion": 1})) == (409, "version_conflict")
    assert shop.post(f"{path}/{act}", body, If_Match='"2"').json["version"] == 3


@pytest.mark.parametrize("act", ["commit", "release"])
@pytest.mark.parametrize("tags", ["*", '"1", "2"', '"2","1",W/"3"'])
def test_a_list_of_versions_is_not_enough_for_a_part_without_a_key(shop, act, tags):
    path, body = shop.held(("sku-1", 6)), {"lines": lines_of(("sku-1", 2))}
    for _ in range(2):
        refused = shop.post(f"{path}/{act}", body, If_Match=tags)
        assert (told(refused), wrong_fields(refused)) == ((400, "validation_error"), ["lines"])
    assert shop.post(f"{path}/{act}", body, If_Match=tags, Idempotency_Key="k").json["version"] == 2
    # Together with one version they name one.
    assert shop.post(f"{path}/{act}", {**body, "expectedVersion": 2}, If_Match='"1", "2"').json["version"] == 3


@pytest.mark.parametrize(("act", "other"), [("commit", "release"), ("release", "commit")])
def test_the_whole_asked_twice_is_the_first_answer_only_at_a_version_that_it_had(shop, act, other):
    path = shop.held(("sku-1", 4))
    shop.post(f"{path}/{other}", {"lines": lines_of(("sku-1", 1)), "expectedVersion": 1})
    first = shop.post(f"{path}/{act}", {"expectedVersion": 2})
    assert first.json["version"] == 3
    # That before it ended, and that which the first answer told.
    for version in (2, 3):
        again = shop.post(f"{path}/{act}", {"expectedVersion": version})
        assert (again.status_code, again.data) == (200, first.data)
    for condition in ({"expectedVersion": 1}, {"expectedVersion": 77}):
        refused = shop.post(f"{path}/{act}", condition)
        assert (told(refused), refused.json["currentVersion"]) == ((409, "version_conflict"), 3)


def test_a_wrong_state_is_a_conflict_that_names_it(shop):
    path = shop.held()
    shop.post(f"{path}/release")
    response = shop.post(f"{path}/commit")
    assert (told(response), response.json["state"]) == ((409, "wrong_state"), "released")


def test_more_than_is_held_is_a_conflict_that_names_every_such_line(shop):
    path = shop.held(("sku-1", 4), ("sku-2", 2))
    body = {"lines": lines_of(("sku-1", 5), ("sku-2", 2), ("sku-9", 1)), "expectedVersion": 1}
    response = shop.post(f"{path}/commit", body)
    assert told(response) == (409, "exceeds_hold")
    assert [(line["sku"], line["requested"], line["available"]) for line in response.json["lines"]] == [
        ("sku-1", 5, 4),
        ("sku-9", 1, 0),
    ]


def test_an_extended_hold_lasts_from_now_on(shop):
    path = shop.held(ttlMs=1000)
    shop.clock.advance(ms=999)
    response = shop.post(f"{path}/extend", {"ttlMs": 1001})
    assert (response.status_code, response.json["expiresAt"]) == (200, "2026-01-01T00:00:02.000000Z")
    shop.clock.advance(ms=1000)
    assert shop.post(f"{path}/commit").json["state"] == "committed"


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
