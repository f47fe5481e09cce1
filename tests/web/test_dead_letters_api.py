"""GET /dead-letters: events that could not be applied, in pages, read-only."""

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, RECORD, make_services, wrong_fields
from support.dead_letters import BREAK, BrokenLedger, MemoryLetters
from support.given import event_of, item

from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Line
from inventory.web.app import create_app
from inventory.wiring.services import Services

START_TEXT = "2025-06-15T15:06:40.000000Z"


class UnreadableLetters(MemoryLetters):
    def all(self):
        raise StorageUnavailable("the dead letters cannot be read", outcome="none")


@pytest.fixture
def services() -> Services:
    """sku-1 and seven other records of store-1 are broken; the letter of sku-1 is discarded."""
    ledger = BrokenLedger()
    for number in range(7):
        ledger.has(event_of(4 + number, Line(item(f"more-{number}"), 1, 0, 1, 0, 2)))
    services = make_services(ledger, retry_base_ms=1)
    services.dead_letters.note_new()
    services.dead_letters.settle(BREAK, None, "discard", "anna", "why")
    return services


def sequences(client: FlaskClient, query: str = "") -> list[int]:
    return [letter["sequence"] for letter in client.get(f"/dead-letters{query}").json["items"]]


def test_without_dead_letters_the_list_is_empty():
    response = create_app(make_services()).test_client().get("/dead-letters")

    assert response.json == {"items": [], "nextCursor": None, "asOfSequence": 0}


def test_a_letter_says_what_happened_why_it_cannot_be_and_what_became_of_it(client):
    [letter] = client.get("/dead-letters?state=discarded").json["items"]

    settled = letter.pop("settled")
    assert letter == {
        "sequence": 2,
        "eventId": "event-2",
        "type": "test.changed",
        "ts": "2025-06-15T15:06:40.000000Z",
        "storeId": "store-1",
        "sku": "sku-1",
        "line": {
            "storeId": "store-1",
            "sku": "sku-1",
            "onHandDelta": 1,
            "reservedDelta": 0,
            "onHand": 7,
            "reserved": 0,
            "version": 3,
            "previous": 0,
        },
        "before": {"onHand": 5, "reserved": 0, "version": 1},
        "reason": "version is 3, expected 2; on hand is 7, expected 6",
        "tries": 3,
        "notedAt": START_TEXT,
        "state": "discarded",
    }
    assert (settled["sequence"], settled["by"], settled["reason"]) == (11, "anna", "why")


def test_all_are_listed_unless_a_state_is_asked_for(client):
    assert sequences(client) == [2, *range(4, 11)]
    assert sequences(client, "?state=dead") == list(range(4, 11))
    assert sequences(client, "?state=requeued") == []


@pytest.mark.parametrize("state", [None, "dead"])
def test_following_the_cursor_gives_every_letter_once(client, state):
    query, found = {"limit": 3} | ({"state": state} if state else {}), []
    while True:
        page = client.get("/dead-letters", query_string=query).json
        found += [letter["sequence"] for letter in page["items"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]

    assert found == ([2] if state is None else []) + list(range(4, 11))


def test_a_page_that_ends_with_the_last_letter_has_no_cursor(client):
    assert client.get("/dead-letters?limit=8").json["nextCursor"] is None


def test_a_page_says_up_to_where_none_is_missing(client):
    assert client.get("/dead-letters").json["asOfSequence"] == 11


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=c2t1LTE", "cursor"),
        ("cursor=MA", "cursor"),
        ("cursor=MDE", "cursor"),
        ("cursor=***", "cursor"),
        ("state=alive", "state"),
        ("state=", "state"),
        ("prefix=a", "prefix"),
        ("state=dead&state=gone", "state"),
    ],
)
def test_a_wrong_query_is_refused_by_name(client, query, field):
    response = client.get(f"/dead-letters?{query}")

    assert (response.status_code, response.json["error"]) == (400, "validation_error")
    assert wrong_fields(response) == [field]


def test_letters_can_only_be_read(client):
    response = client.post("/dead-letters", json={})

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_letters_that_cannot_be_read_are_503_and_changes_go_on():
    client = create_app(make_services(letters=UnreadableLetters())).test_client()

    assert client.get("/dead-letters").json["error"] == "storage_unavailable"
    assert client.put(RECORD, json={"onHand": 1}).status_code == 201


def test_those_that_are_dead_are_counted(client):
    assert client.get("/metrics").json["deadLetters"] == 7
    assert "inventory_dead_letters 7.0" in client.get("/metrics", headers={"Accept": "text/plain"}).text


def test_a_dead_letter_refuses_changes_of_its_record_until_it_is_settled(client, services):
    more = "/stores/store-1/inventory/more-0/adjust"
    assert client.post(more, json={"delta": 1}).json["error"] == "needs_operator"
    services.dead_letters.settle(4, None, "requeue", "anna", None)

    assert client.post(more, json={"delta": 1}).json["qty"] == 2
    assert client.post(ADJUST, json={"delta": 1}).json["qty"] == 6
