"""The HTTP contract of transfers."""

import pytest
from support.apps import NOW_TEXT, HoldShop, told, wrong_fields


@pytest.fixture
def shop() -> HoldShop:
    return HoldShop()


def transfer(shop: HoldShop, *lines: tuple[str, int], to: str = "store-2", **headers: str):
    wanted = [{"sku": sku, "qty": qty} for sku, qty in lines]
    return shop.post("/transfers", {"from": "store-1", "to": to, "lines": wanted, "reference": "van 3"}, **headers)


def test_a_transfer_is_one_event_and_its_answer_has_every_record(shop):
    response = transfer(shop, ("sku-1", 4), ("sku-2", 5))
    body = response.json
    assert (response.status_code, len(shop.ledger.events)) == (201, 3)
    assert {name: body[name] for name in ("from", "to", "lines", "reference", "sequence", "createdAt")} == {
        "from": "store-1",
        "to": "store-2",
        "lines": [{"sku": "sku-1", "qty": 4}, {"sku": "sku-2", "qty": 5}],
        "reference": "van 3",
        "sequence": 3,
        "createdAt": NOW_TEXT,
    }
    assert body["transferId"] == shop.ledger.events[2].event_id
    places = [("sku-1", "store-1"), ("sku-2", "store-1"), ("sku-1", "store-2"), ("sku-2", "store-2")]
    assert body["records"] == [shop.record(*place) for place in places]
    assert [record["qty"] for record in body["records"]] == [6, 0, 4, 5]


def test_a_transfer_that_is_short_lists_every_short_line_and_moves_nothing(shop):
    response = transfer(shop, ("sku-1", 6), ("sku-1", 5), ("sku-2", 6))
    assert told(response) == (409, "insufficient_stock")
    assert [(line["sku"], line["requested"]) for line in response.json["lines"]] == [("sku-1", 11), ("sku-2", 6)]
    assert shop.client.get("/stores/store-2/inventory").status_code == 404


def test_a_transfer_under_a_key_moves_once(shop):
    first, again = (transfer(shop, ("sku-1", 4), Idempotency_Key="k") for _ in range(2))
    assert (first.data, again.status_code, again.headers["Idempotent-Replayed"]) == (again.data, 201, "true")
    assert shop.record()["qty"] == 6


def test_a_transfer_to_where_it_comes_from_is_refused(shop):
    assert wrong_fields(transfer(shop, ("sku-1", 1), to="store-1")) == ["to"]


def test_a_transfer_names_every_record_that_is_not_there(shop):
    response = transfer(shop, ("sku-8", 1), ("sku-9", 1))
    assert told(response) == (404, "not_found")
    assert [line["sku"] for line in response.json["lines"]] == ["sku-8", "sku-9"]


def test_everything_that_is_wrong_with_a_transfer_is_named_at_once(shop):
    body = {"from": "?", "lines": [{"sku": "sku-1", "qty": 0, "storeId": "s"}]}
    assert wrong_fields(shop.post("/transfers", body)) == ["from", "lines[0].qty", "lines[0].storeId", "to"]


def test_what_is_promised_stays(shop):
    shop.held(("sku-1", 7))
    assert told(transfer(shop, ("sku-1", 4))) == (409, "insufficient_stock")
    assert transfer(shop, ("sku-1", 3)).status_code == 201
