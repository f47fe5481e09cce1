"""GET of records, lists and SKUs."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE, wrong_fields


def test_a_read_gives_the_record_and_its_tag(stocked):
    response = stocked.get(RECORD)

    assert (response.status_code, response.headers["ETag"]) == (200, '"1"')
    assert response.json["qty"] == 10


def test_a_read_of_nothing_is_not_found(client):
    response = client.get(RECORD)

    assert (response.status_code, response.json["error"]) == (404, "not_found")


def test_a_head_has_the_headers_of_the_get_and_no_body(stocked):
    got, head = stocked.get(RECORD), stocked.head(RECORD)

    assert head.data == b""
    assert {name: head.headers[name] for name in ("ETag", "Content-Length", "Content-Type")} == {
        name: got.headers[name] for name in ("ETag", "Content-Length", "Content-Type")
    }


@pytest.fixture
def chain(client):
    """Stores a, b, c; store b has 5 SKUs, the others one."""
    for store in ("c", "a"):
        client.put(f"/stores/{store}/inventory/x1", json={"onHand": 1})
    for sku in ("x3", "Y1", "x1", "x2", "y-2"):
        client.put(f"/stores/b/inventory/{sku}", json={"onHand": 2})
    return client


def test_stores_are_listed_by_id_with_how_many_skus_they_have(chain):
    body = chain.get("/stores").json

    assert body == {
        "items": [{"storeId": "a", "skus": 1}, {"storeId": "b", "skus": 5}, {"storeId": "c", "skus": 1}],
        "nextCursor": None,
        "asOfSequence": 7,
    }


def test_the_list_of_an_empty_service_is_empty(client):
    assert client.get("/stores").json == {"items": [], "nextCursor": None, "asOfSequence": 0}


def test_records_are_listed_by_code_point(chain):
    body = chain.get("/stores/b/inventory").json

    assert [item["sku"] for item in body["items"]] == ["Y1", "x1", "x2", "x3", "y-2"]


def test_following_the_cursor_gives_everything_once(chain):
    found, cursor = [], ""
    while cursor is not None:
        page = chain.get("/stores/b/inventory", query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})).json
        found += [item["sku"] for item in page["items"]]
        cursor = page["nextCursor"]

    assert found == ["Y1", "x1", "x2", "x3", "y-2"]


def test_a_prefix_gives_the_names_that_begin_with_it(chain):
    body = chain.get("/stores/b/inventory?prefix=x&limit=2").json

    assert [item["sku"] for item in body["items"]] == ["x1", "x2"]
    assert body["nextCursor"] is not None


def test_the_list_of_a_store_that_is_not_there_is_not_found(chain):
    response = chain.get("/stores/z/inventory")

    assert (response.status_code, response.json["error"], response.json["storeId"]) == (404, "not_found", "z")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.0", "limit"),
        ("limit=+1", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=", "cursor"),
        ("cursor=***", "cursor"),
        ("cursor=eDE=", "cursor"),
        ("cursor=eDF", "cursor"),
        ("cursor=LzE", "cursor"),
        ("cursor=%00", "cursor"),
        ("prefix=a/b", "prefix"),
        ("prefix=" + "a" * 65, "prefix"),
        ("sort=qty", "sort"),
        ("%ED%A0%80=1", "\ufffd\ufffd\ufffd"),
    ],
)
@pytest.mark.parametrize("path", ["/stores", "/stores/b/inventory"])
def test_a_wrong_query_is_refused_by_name(chain, path, query, field):
    response = chain.get(f"{path}?{query}")

    assert (response.status_code, response.json["error"]) == (400, "validation_error")
    assert wrong_fields(response) == [field]


def test_all_wrong_fields_of_path_and_query_are_named_at_once(client):
    response = client.get("/stores/-b/inventory?limit=0&cursor=!&page=3")

    assert wrong_fields(response) == ["cursor", "limit", "page", "storeId"]


@pytest.fixture
def spread(client):
    """sku-1 in store-1 (10, 4 of them reserved) and in store-2 (5)."""
    client.put("/stores/store-2/inventory/sku-1", json={"onHand": 5})
    client.put(RECORD, json={"onHand": 10})
    client.post(RESERVE, json={"qty": 4})
    return client


@pytest.mark.parametrize("path", ["/inventory/sku-1", "/central/inventory/sku-1"])
def test_a_sku_is_summed_over_all_stores(spread, path):
    body = spread.get(path).json

    assert (body["sku"], body["qty"], body["reserved"], body["onHand"]) == ("sku-1", 11, 4, 15)
    assert [record["storeId"] for record in body["stores"]] == ["store-1", "store-2"]
    assert body["stores"][0] == spread.get(RECORD).json
    assert body["asOfSequence"] == 3


def test_only_the_central_view_tells_its_lag(spread):
    assert "lagMs" not in spread.get("/inventory/sku-1").json
    assert spread.get("/central/inventory/sku-1").json["lagMs"] == 0


@pytest.mark.parametrize("path", ["/inventory/sku-9", "/central/inventory/sku-9"])
def test_a_sku_that_no_store_has_is_not_found(spread, path):
    response = spread.get(path)

    assert (response.status_code, response.json["error"], response.json["sku"]) == (404, "not_found", "sku-9")


@pytest.mark.parametrize("path", ["/inventory/-", "/central/inventory/caf%C3%A9"])
def test_a_sku_that_is_none_is_a_wrong_field(client, path):
    assert wrong_fields(client.get(path)) == ["sku"]


@pytest.mark.parametrize("path", [RECORD, "/inventory/sku-1", "/central/inventory/sku-1", "/sync/status"])
def test_a_query_where_there_is_nothing_to_ask_is_refused(stocked, path):
    response = stocked.get(f"{path}?version=3")

    assert (response.status_code, wrong_fields(response)) == (400, ["version"])


def test_an_expected_version_in_the_query_changes_nothing(stocked):
    response = stocked.post(f"{ADJUST}?expectedVersion=7", json={"delta": -1})

    assert (response.status_code, wrong_fields(response)) == (400, ["expectedVersion"])
    assert stocked.get(RECORD).json["version"] == 1
