"""What requests about reservations may contain, what lists show, and which fields are refused by name."""

import pytest
from support.apps import RECORD, RESERVE, HoldShop, lines_of, told, wrong_fields


@pytest.fixture
def shop() -> HoldShop:
    return HoldShop()


def references(shop: HoldShop, query: str) -> list[str]:
    return [found["reference"] for found in shop.get(f"/reservations?{query}")["items"]]


def test_a_list_is_in_the_order_they_were_made_and_goes_on_at_its_cursor(shop):
    for number in range(5):
        shop.held(("sku-1", 1), reference=f"o-{number}")
    page = shop.get("/reservations?limit=2")
    assert [found["reference"] for found in page["items"]] == ["o-0", "o-1"]
    assert references(shop, f"limit=9&cursor={page['nextCursor']}") == ["o-2", "o-3", "o-4"]
    assert shop.get("/reservations")["nextCursor"] is None


def test_a_list_can_be_of_one_state_store_sku_or_reference(shop):
    first = shop.held(("sku-1", 1), reference="o-1")
    shop.held(("sku-2", 1), reference="o-2")
    shop.post(f"{first}/commit")
    assert references(shop, "state=committed") == ["o-1"]
    assert references(shop, "state=held") == ["o-2"]
    assert references(shop, "sku=sku-2&storeId=store-1") == ["o-2"]
    assert references(shop, "storeId=store-2") == []
    assert references(shop, "reference=o-1") == ["o-1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=lost", "state"), ("cursor=x", "cursor"), ("limit=1001", "limit"), ("sku=*", "sku"), ("order=1", "order")],
)
def test_a_wrong_query_is_named(shop, query, field):
    response = shop.client.get(f"/reservations?{query}")
    assert (response.status_code, wrong_fields(response)) == (400, [field])


@pytest.mark.parametrize("act", ["", "/commit", "/release", "/extend"])
def test_a_reservation_that_is_unknown_is_not_found(shop, act):
    path = f"/reservations/none{act}"
    body = {"ttlMs": 1} if act == "/extend" else None
    response = shop.post(path, body) if act else shop.client.get(path)
    assert (told(response), response.json["reservationId"]) == ((404, "not_found"), "none")


def test_a_hold_names_every_record_that_is_not_there(shop):
    response = shop.hold(("sku-8", 1), ("sku-1", 1), ("sku-9", 1))
    assert told(response) == (404, "not_found")
    assert [line["sku"] for line in response.json["lines"]] == ["sku-8", "sku-9"]


def test_a_reserve_from_what_is_not_there_still_names_store_and_sku(shop):
    response = shop.post("/stores/store-1/inventory/sku-9/reserve", {"qty": 1})
    assert (response.status_code, response.json["storeId"], response.json["sku"]) == (404, "store-1", "sku-9")


def test_everything_that_is_wrong_with_a_hold_is_named_at_once(shop):
    lines = [{"storeId": "*", "sku": "sku-1", "qty": 0}, {"sku": "sku-1", "qty": "1"}]
    response = shop.post("/reservations", {"lines": lines, "ttlMs": 0, "reference": 7, "colour": "red"})
    assert wrong_fields(response) == [
        "colour",
        "lines[0].qty",
        "lines[0].storeId",
        "lines[1].qty",
        "lines[1].storeId",
        "reference",
        "ttlMs",
    ]


@pytest.mark.parametrize(("many", "status"), [(0, 400), (500, 201), (501, 400)])
def test_a_hold_has_1_to_500_lines(shop, many, status):
    shop.client.put(RECORD, json={"onHand": 1000})
    response = shop.hold(*[("sku-1", 1)] * many)
    assert response.status_code == status
    if status == 400:
        assert wrong_fields(response) == ["lines"]


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("path", ["/reservations", "/transfers"])
def test_a_condition_that_cannot_hold_is_refused_rather_than_passed_over(shop, path, header):
    body = {"lines": lines_of(("sku-1", 1))}
    if path == "/transfers":
        body = {"from": "store-1", "to": "store-2", "lines": [{"sku": "sku-1", "qty": 1}]}
    response = shop.client.post(path, json=body, headers={header: "*"})
    assert (response.status_code, wrong_fields(response)) == (400, [header])
    assert shop.record()["version"] == 1


def test_a_line_is_held_only_at_the_version_that_it_expects(shop):
    lines = [{**lines_of(("sku-1", 1))[0], "expectedVersion": 2}]
    response = shop.post("/reservations", {"lines": lines})
    assert (told(response), response.json["currentVersion"]) == ((409, "version_conflict"), 1)


def test_a_count_below_what_is_reserved_is_accepted_and_says_by_how_much(shop):
    shop.held(("sku-1", 4))
    response = shop.client.put(RECORD, json={"onHand": 3})
    assert (response.status_code, response.json["qty"], response.json["oversoldBy"]) == (200, 0, 1)
    assert told(shop.post(RESERVE, {"qty": 1})) == (409, "insufficient_stock")
    shop.client.put(RECORD, json={"onHand": 4})
    assert "oversoldBy" not in shop.record()


def test_what_was_counted_away_cannot_be_committed_and_stays_held(shop):
    path = shop.held(("sku-1", 4))
    shop.client.put(RECORD, json={"onHand": 3})
    response = shop.post(f"{path}/commit")
    assert (told(response), response.json["lines"][0]["available"]) == ((409, "insufficient_stock"), 3)
    assert shop.get(path)["state"] == "held"
