"""GET /events as a stream (text/event-stream), and how many may wait for events."""

import json
from itertools import count

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, make_services
from support.feeds import STREAM, CompactedLedger, Stream
from support.folder import failing

from inventory.domain.errors import StorageUnavailable
from inventory.web import events
from inventory.web.app import create_app


def fill(client: FlaskClient, streams: int) -> list[Stream]:
    return [Stream(client, "?after=5") for _ in range(streams)]


@pytest.mark.parametrize("text", ["6", "x", "-1", "1.0", "٣", "9" * 30, ""])
def test_a_wrong_last_event_id_is_refused(five, text):
    assert five.get("/events", headers={**STREAM, "Last-Event-ID": text}).status_code == 400


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ("", {"Last-Event-ID": "99999"}, "Last-Event-ID"),
        ("?after=2", {"Last-Event-ID": "6"}, "Last-Event-ID"),
        ("?after=6", {}, "after"),
    ],
)
def test_an_event_that_has_not_happened_is_refused_by_the_name_it_came_under(five, query, headers, field):
    (error,) = five.get(f"/events{query}", headers={**STREAM, **headers}).json["errors"]
    assert (error["field"], error["message"]) == (
        field,
        "does not exist yet; the latest event is 5; if a backup was restored, start over",
    )


def test_no_more_than_their_share_may_wait(five, patient):
    streams = fill(five, 2)
    try:
        refused = five.get("/events?after=5&wait=1")
        assert (refused.status_code, refused.json["error"], refused.headers["Retry-After"]) == (503, "overloaded", "1")
        assert five.get("/events", headers=STREAM).status_code == 503
        # Who does not wait is answered.
        assert five.get("/events?after=5").status_code == 200
        assert five.get("/events?after=4&wait=9").json["nextCursor"] == "5"
    finally:
        for stream in streams:
            stream.response.close()
    # And a request that has waited leaves its place too.
    assert [five.get("/events?after=5&wait=1").status_code for _ in range(4)] == [200] * 4


@pytest.mark.parametrize(("threads", "share"), [(1, 0), (2, 1), (4, 1), (7, 1), (8, 2), (16, 4)])
def test_the_share_is_a_quarter_and_never_all_threads(threads, share):
    client = create_app(make_services(CompactedLedger(), threads=threads)).test_client()
    streams = [Stream(client) for _ in range(share + 2)]
    assert [stream.response.status_code for stream in streams] == [200] * share + [503] * 2
    for stream in streams:
        stream.response.close()


def test_a_stream_has_the_events_with_their_ids_and_those_of_the_ledger(five, services):
    services.stopping.set()
    with Stream(five, "?after=3") as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.comment().startswith(": ")
        page = five.get("/events?after=3&limit=1").json
        ids = {"ledgerId": page["ledgerId"], "timelineId": page["timelineId"]}
        assert None not in ids.values()
        assert stream.event() == (4, "stock.adjusted", {**page["items"][0], **ids})
        assert stream.event()[:2] == (5, "reservation.created")
        assert [bit for bit in stream.rest() if not bit.startswith(":")] == []


def test_a_stream_goes_on_with_what_happens(five):
    with Stream(five, "?after=5") as stream:
        for number in count(6):
            five.post(ADJUST, json={"delta": 1})
            assert stream.event()[0] == number
            if number == 8:
                break


def test_a_reader_that_comes_back_goes_on_after_its_last_event(five):
    with Stream(five, "?after=1", Last_Event_ID="3") as stream:
        assert stream.event()[0] == 4


def test_a_stream_without_news_says_that_it_is_there(five, patient):
    with Stream(five, "?after=5") as stream:
        assert [stream.comment(), stream.comment()] == [": the stream of events\n\n", ": still here\n\n"]
    assert patient == [(5, events.HEARTBEAT_SECONDS)]


def test_a_stream_ends_after_its_time(five, patient, monkeypatch):
    monkeypatch.setattr(events, "STREAM_SECONDS", 0.0)
    with Stream(five, "?after=4") as stream:
        assert len(stream.rest()) == 2


@pytest.mark.parametrize("how", ["compacted", "unreadable"])
def test_a_stream_that_cannot_go_on_ends_and_its_reader_is_told_when_it_comes_back(five, ledger, how, caplog):
    with Stream(five, "?after=2") as stream:
        assert stream.event()[0] == 3
        if how == "compacted":
            ledger.part.compacted = 9
        else:
            ledger.part.on_read = failing(StorageUnavailable("the disk", outcome="none"))
        five.post(ADJUST, json={"delta": 1})
        assert [json.loads(bit.split("data: ")[1])["sequence"] for bit in stream.rest()] == [4, 5]
    assert "an event stream ended early" in caplog.text
    back = five.get("/events", headers={**STREAM, "Last-Event-ID": "5"})
    assert back.status_code == {"compacted": 410, "unreadable": 503}[how]


@pytest.mark.parametrize("read", [0, 1, 2])
def test_a_client_that_goes_away_leaves_room(five, read):
    for _ in range(5):
        with Stream(five, "?after=3") as stream:
            assert stream.response.status_code == 200
            for _ in range(read):
                stream.comment()


def test_a_head_has_the_headers_and_leaves_room(five):
    for _ in range(5):
        response = five.head("/events", headers=STREAM)
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["Content-Type"] == "text/event-stream"
        response.close()
