"""GET …/{sku}/history: what happened to one record, the latest first."""

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, NOW_TEXT, RECORD, RESERVE, wrong_fields

HISTORY = f"{RECORD}/history"


def others(client: FlaskClient) -> None:
    """Things that happen to another record."""
    client.put("/stores/store-2/inventory/sku-1", json={"onHand": 7})


def test_a_history_has_the_steps_of_its_record_alone_the_latest_first(five):
    others(five)
    five.post(ADJUST, json={"delta": 1})
    body = five.get(HISTORY).json
    assert [(item["sequence"], item["version"]) for item in body["items"]] == [
        (7, 6),
        (5, 5),
        (4, 4),
        (3, 3),
        (2, 2),
        (1, 1),
    ]
    assert (body["nextCursor"], body["asOfSequence"]) == (None, 7)


def test_a_step_says_who_what_when_and_from_what_to_what(five):
    step = five.get(f"{HISTORY}?limit=1&cursor=2").json["items"][0]
    assert (bool(step.pop("requestId")), bool(step.pop("eventId"))) == (True, True)
    assert step == {
        "sequence": 2,
        "type": "stock.adjusted",
        "at": NOW_TEXT,
        "actor": "anonymous",
        "reason": "sale",
        "reference": "till-7",
        "storeId": "store-1",
        "sku": "sku-1",
        "version": 2,
        "onHandDelta": -1,
        "reservedDelta": 0,
        "before": {"onHand": 10, "reserved": 0, "qty": 10, "available": 10},
        "after": {"onHand": 9, "reserved": 0, "qty": 9, "available": 9},
    }


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1000])
def test_following_the_cursor_gives_every_step_once(five, limit):
    found, query = [], f"?limit={limit}"
    while True:
        page = five.get(HISTORY + query).json
        found += [item["version"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        query = f"?limit={limit}&cursor={page['nextCursor']}"
    assert found == [5, 4, 3, 2, 1]


def test_a_step_of_an_event_of_several_records_has_only_what_it_did_to_this_one(client):
    for store in ("a", "b"):
        client.put(f"/stores/{store}/inventory/x", json={"onHand": 5})
    client.post("/transfers", json={"from": "a", "to": "b", "lines": [{"sku": "x", "qty": 2}]})
    step = client.get("/stores/b/inventory/x/history").json["items"][0]
    assert (step["storeId"], step["onHandDelta"], "lines" in step) == ("b", 2, False)


def test_the_beginning_that_was_deleted_from_the_archive_is_gone_and_the_rest_is_told(five, ledger):
    ledger.part.compacted = ledger.part.deleted = 2
    page = five.get(HISTORY).json
    assert ([item["sequence"] for item in page["items"]], page["nextCursor"]) == ([5, 4, 3], "2")
    gone = five.get(f"{HISTORY}?cursor=2")
    assert (gone.status_code, gone.json["error"], gone.json["earliestSequence"]) == (410, "events_gone", 3)
    # Nothing would be there again by starting over.
    assert "startOver" not in gone.json


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=0", "cursor=x", "after=1", "cursor=99"])
def test_a_wrong_query_is_refused_by_name(five, query):
    response = five.get(f"{HISTORY}?{query}")
    assert (response.status_code, wrong_fields(response)) == (400, [query.split("=")[0]])


def test_the_history_of_nothing_is_not_found(client):
    response = client.get(HISTORY)
    assert (response.status_code, response.json["error"]) == (404, "not_found")


def test_names_that_are_none_are_refused(client):
    assert wrong_fields(client.get("/stores/-/inventory/+/history?limit=0")) == ["limit", "sku", "storeId"]


@pytest.fixture
def watched(client: FlaskClient) -> FlaskClient:
    """10 on hand, of which 2 are for safety; 5 available are few."""
    client.put(RECORD, json={"onHand": 10})
    client.put(f"{RECORD}/policy", json={"safetyStock": 2, "lowStock": 5})
    return client


def crossings(client: FlaskClient) -> list[str | None]:
    """What each event since the policy was set has crossed."""
    return [item["lines"][0]["crossed"] for item in client.get("/events?after=2").json["items"]]


def test_available_that_falls_to_low_stock_crosses_once_and_so_it_does_when_it_rises(watched):
    for delta in (-2, -1, -1, 1, 1, 1, -2):
        watched.post(ADJUST, json={"delta": delta})
    assert crossings(watched) == [None, "low", None, None, "restocked", None, "low"]


def test_a_hold_crosses_low_stock_and_its_release_crosses_back(watched):
    held = watched.post(RESERVE, json={"qty": 4}).json["reservationId"]
    assert watched.post(f"/reservations/{held}/release").status_code == 200
    assert crossings(watched) == ["low", "restocked"]


def test_a_count_crosses_low_stock_both_ways(watched):
    for on_hand in (1, 20):
        watched.put(RECORD, json={"onHand": on_hand})
    assert crossings(watched) == ["low", "restocked"]


@pytest.mark.parametrize(("low_stock", "crossed"), [(7, None), (8, "low"), (9, "low")])
def test_a_new_policy_tells_of_stock_that_is_low_by_it(client, low_stock, crossed):
    client.put(RECORD, json={"onHand": 10})
    client.put(f"{RECORD}/policy", json={"safetyStock": 2, "lowStock": low_stock})
    (item,) = client.get("/events?after=1").json["items"]
    assert item["lines"][0]["crossed"] == crossed


def test_the_first_policy_of_a_record_leaves_what_was_available_before_as_it_was(watched):
    line = watched.get("/events?after=1").json["items"][0]["lines"][0]
    assert line["before"] == {"onHand": 10, "reserved": 0, "qty": 10, "available": 10}
    assert line["after"] == {"onHand": 10, "reserved": 0, "qty": 10, "available": 8}
    assert (line["safetyStock"], line["lowStock"]) == (2, 5)


@pytest.mark.parametrize(
    ("policy", "crossed"),
    [
        ({"safetyStock": 0, "lowStock": 2}, "restocked"),
        ({"safetyStock": 0, "lowStock": 4}, "restocked"),
        ({"safetyStock": 0, "lowStock": 5}, None),
        ({"safetyStock": 5, "lowStock": 5}, None),
        ({"safetyStock": 9, "lowStock": 0}, None),
        # Nothing is low by it, and nothing will be told of it any more.
        ({"safetyStock": 5}, "restocked"),
    ],
)
def test_a_new_policy_of_a_record_that_was_low_tells_when_it_is_not_any_more(watched, policy, crossed):
    watched.put(RECORD, json={"onHand": 5})
    watched.put(f"{RECORD}/policy", json={"safetyStock": 5, "lowStock": 5})
    watched.put(f"{RECORD}/policy", json=policy)
    assert crossings(watched) == ["low", None, crossed]


def test_what_was_available_before_a_new_policy_is_by_the_old_one(watched):
    watched.put(f"{RECORD}/policy", json={"safetyStock": 7, "lowStock": 1})
    line = watched.get("/events?after=2").json["items"][0]["lines"][0]
    assert (line["before"]["available"], line["after"]["available"]) == (8, 3)
    assert (line["safetyStock"], line["lowStock"]) == (7, 1)


def test_without_a_low_stock_nothing_is_crossed(client):
    client.put(RECORD, json={"onHand": 10})
    client.put(f"{RECORD}/policy", json={"safetyStock": 2})
    client.post(ADJUST, json={"delta": -9})
    lines = [item["lines"][0] for item in client.get("/events").json["items"]]
    assert ["crossed" in line for line in lines] == [False, False, False]
    assert ["lowStock" in line for line in lines] == [False, True, True]
