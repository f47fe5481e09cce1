"""GET /events: the feed in pages, and with a wait."""

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, NOW_TEXT, RECORD, make_services, wrong_fields
from support.dead_letters import BrokenLedger
from support.feeds import STREAM
from support.given import event_of

from inventory.domain.events import LEDGER_RESTORED
from inventory.web.app import create_app


def sequences(client: FlaskClient, query: str) -> list[int]:
    return [item["sequence"] for item in client.get(f"/events?{query}").json["items"]]


def test_the_feed_begins_with_the_first_event(five):
    body = five.get("/events").json
    assert [item["sequence"] for item in body["items"]] == [1, 2, 3, 4, 5]
    assert (body["nextCursor"], body["asOfSequence"]) == ("5", 5)


def test_a_page_names_the_ledger_and_its_timeline():
    ledger = BrokenLedger([])
    client = create_app(make_services(ledger)).test_client()
    empty = client.get("/events").json
    assert (empty["ledgerId"], empty["timelineId"]) == (None, None)
    ledger.has(event_of(1))
    ledger.has(event_of(2)._replace(type=LEDGER_RESTORED))
    page = client.get("/events").json
    assert (page["ledgerId"], page["timelineId"]) == ("event-1", "event-2")
    assert [(item["type"], item["lines"]) for item in page["items"]] == [("test.changed", []), (LEDGER_RESTORED, [])]


@pytest.mark.parametrize("query", ["after=1", "after=2", "limit=1"])
def test_each_page_names_the_current_timeline(query):
    ledger = BrokenLedger([event_of(1), event_of(2)._replace(type=LEDGER_RESTORED)])
    page = create_app(make_services(ledger)).test_client().get(f"/events?{query}").json
    assert (page["ledgerId"], page["timelineId"]) == ("event-1", "event-2")


def test_following_the_cursor_gives_every_event_once(five):
    found, cursor = [], 0
    while items := (page := five.get(f"/events?after={cursor}&limit=2").json)["items"]:
        found += [item["sequence"] for item in items]
        cursor = page["nextCursor"]
    assert (found, cursor) == ([1, 2, 3, 4, 5], "5")


def test_an_event_says_what_was_before_and_what_is_after(five):
    adjusted = five.get("/events?after=1&limit=1").json["items"][0]
    request_id, event_id = adjusted.pop("requestId"), adjusted.pop("eventId")
    assert (bool(request_id), bool(event_id)) == (True, True)
    assert adjusted == {
        "sequence": 2,
        "type": "stock.adjusted",
        "at": NOW_TEXT,
        "actor": "anonymous",
        "reason": "sale",
        "reference": "till-7",
        "lines": [
            {
                "storeId": "store-1",
                "sku": "sku-1",
                "version": 2,
                "onHandDelta": -1,
                "reservedDelta": 0,
                "before": {"onHand": 10, "reserved": 0, "qty": 10, "available": 10},
                "after": {"onHand": 9, "reserved": 0, "qty": 9, "available": 9},
            }
        ],
    }


def test_what_is_after_one_event_is_before_the_next(five):
    lines = [item["lines"][0] for item in five.get("/events").json["items"]]
    assert [line["before"] for line in lines[1:]] == [line["after"] for line in lines[:-1]]
    assert lines[0]["before"]["onHand"] == 0


def test_an_event_of_several_records_has_a_line_for_each(client):
    for store in ("a", "b"):
        client.put(f"/stores/{store}/inventory/x", json={"onHand": 5})
    moved = client.post("/transfers", json={"from": "a", "to": "b", "lines": [{"sku": "x", "qty": 2}]})
    assert moved.status_code == 201
    (item,) = client.get("/events?after=2").json["items"]
    assert [(line["storeId"], line["after"]["onHand"]) for line in item["lines"]] == [("a", 3), ("b", 7)]


def test_an_event_of_a_reservation_shows_it(five):
    held = five.get("/events?after=4").json["items"][0]
    assert (held["reservation"]["state"], held["reservation"]["lines"][0]["qty"]) == ("held", 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=6", "after"),
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=26", "wait"),
        ("wait=-1", "wait"),
        ("wait=1.5", "wait"),
        ("cursor=1", "cursor"),
        ("after=1&after=2", "after"),
    ],
)
@pytest.mark.parametrize("headers", [{}, STREAM], ids=["page", "stream"])
def test_a_wrong_query_is_refused_by_name(five, query, field, headers):
    response = five.get(f"/events?{query}", headers=headers)
    assert (response.status_code, wrong_fields(response)) == (400, [field])


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["page", "stream"])
def test_a_cursor_below_the_compaction_is_told_where_to_start_over(five, ledger, headers):
    ledger.part.compacted = 2
    response = five.get("/events?after=1", headers=headers)
    body = response.json
    assert (response.status_code, body["error"]) == (410, "events_gone")
    assert (body["earliestSequence"], body["startOver"]) == (3, "/stores")


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["page", "stream"])
def test_a_cursor_from_before_a_restore_is_told_to_start_over_while_it_can_be_noticed(five, headers):
    response = five.get("/events?after=6", headers=headers)
    assert (response.status_code, response.json["error"], wrong_fields(response)) == (
        400,
        "validation_error",
        ["after"],
    )
    assert "if a backup was restored" in response.json["message"]
    assert response.json["startOver"] == "/stores"


def test_who_starts_over_misses_nothing(five, ledger):
    """As the guide says: the sequence of the list of stores, every record, then the feed; versions say what is new."""
    ledger.part.compacted = 2
    after = five.get(five.get("/events?after=0").json["startOver"]).json["asOfSequence"]
    five.post(ADJUST, json={"delta": -1})  # before the records are read
    (record,) = five.get("/stores/store-1/inventory").json["items"]
    five.post(ADJUST, json={"delta": -1})  # and after
    seen = {"version": record["version"], "onHand": record["onHand"]}
    for item in five.get(f"/events?after={after}").json["items"]:
        for line in item["lines"]:
            if line["version"] > seen["version"]:
                assert line["version"] == seen["version"] + 1
                seen = {"version": line["version"], "onHand": line["after"]["onHand"]}
    assert seen == {name: five.get(RECORD).json[name] for name in ("version", "onHand")}


def test_a_wait_is_only_for_what_is_not_there(five, patient):
    assert sequences(five, "after=4&wait=25") == [5]
    assert patient == []


def test_a_wait_without_news_ends_with_an_empty_page(five, patient):
    body = five.get("/events?after=5&wait=25").json
    assert (body["items"], body["nextCursor"], patient) == ([], "5", [(5, 25)])


def test_a_wait_ends_with_the_news(five, services, monkeypatch):
    looks: list[float] = []

    def change_meanwhile(seconds: float) -> None:
        looks.append(seconds)
        five.post(ADJUST, json={"delta": 1})

    monkeypatch.setattr(services.ledger.history, "sleep", change_meanwhile)
    assert (sequences(five, "after=5&wait=20"), len(looks)) == ([6], 1)


def test_a_wait_ends_when_the_server_does(five, services):
    services.stopping.set()
    assert five.get("/events?after=5&wait=25").json["items"] == []


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html", "application/json, text/event-stream;q=0.9"]
)
def test_who_does_not_ask_for_a_stream_gets_a_page(five, accept):
    assert five.get("/events", headers={"Accept": accept}).json["asOfSequence"] == 5
