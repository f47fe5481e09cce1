"""GET …/{sku}?asOfSequence= and ?asOf=: a record as it was; and counts of what was on the shelf at a version."""

from collections.abc import Callable

import pytest
from support.apps import ADJUST, KEY, RECORD, RESERVE, wrong_fields
from support.feeds import CompactedLedger
from support.given import Clock

from inventory.domain.values import Instant, format_instant


class TimedLedger(CompactedLedger):
    """One whose clock is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = self._now = Clock()


@pytest.fixture
def ledger() -> TimedLedger:
    return TimedLedger()


@pytest.fixture
def at(client, ledger: TimedLedger) -> Callable[[int], str]:
    """Versions 1, 2, 3 of a record with 10, 7, 12 on hand, a second apart; gives the time some ms after the first."""
    begin = ledger.clock.at
    client.put(RECORD, json={"onHand": 10})
    for delta in (-3, 5):
        ledger.clock.advance(ms=1000)
        client.post(ADJUST, json={"delta": delta})
    return lambda ms: format_instant(Instant(begin + ms * 1000))


@pytest.mark.parametrize(("sequence", "on_hand"), [(1, 10), (2, 7), (3, 12)])
def test_a_record_is_shown_as_of_a_sequence(client, at, sequence, on_hand):
    response = client.get(f"{RECORD}?asOfSequence={sequence}")
    assert (response.json["onHand"], response.json["version"], response.headers["ETag"]) == (
        on_hand,
        sequence,
        f'"{sequence}"',
    )


def test_a_record_as_of_now_is_the_record(client, at):
    assert client.get(f"{RECORD}?asOfSequence=3").json == client.get(RECORD).json


@pytest.mark.parametrize(("ms", "on_hand"), [(0, 10), (999, 10), (1000, 7), (1999, 7), (2000, 12), (10**9, 12)])
def test_a_record_is_shown_as_of_an_instant(client, at, ms, on_hand):
    assert client.get(f"{RECORD}?asOf={at(ms)}").json["onHand"] == on_hand


def test_an_instant_may_have_any_offset(client, at):
    east = format_instant(Instant(Clock().at + 1_500_000 + 2 * 3600 * 1_000_000)).replace("Z", "%2B02:00")
    assert client.get(f"{RECORD}?asOf={east}").json["onHand"] == 7


def test_of_both_ways_to_say_when_the_earlier_holds(client, at):
    assert client.get(f"{RECORD}?asOf={at(1500)}&asOfSequence=1").json["onHand"] == 10
    assert client.get(f"{RECORD}?asOf={at(0)}&asOfSequence=3").json["onHand"] == 10


def test_before_it_was_there_a_record_is_not_found(client, at):
    client.put("/stores/store-2/inventory/sku-1", json={"onHand": 1})
    assert client.get("/stores/store-2/inventory/sku-1?asOfSequence=3").status_code == 404
    assert client.get(f"{RECORD}?asOf={at(-1)}").status_code == 404
    assert client.get(f"{RECORD}?asOfSequence=0").status_code == 404


def test_what_has_not_happened_yet_is_refused(client, at):
    response = client.get(f"{RECORD}?asOfSequence=4")
    assert (response.status_code, wrong_fields(response)) == (400, ["asOfSequence"])


def test_what_was_deleted_from_the_archive_is_gone(client, at, ledger):
    ledger.part.compacted = ledger.part.deleted = 1
    for query in ("asOfSequence=1", f"asOf={at(10)}"):
        response = client.get(f"{RECORD}?{query}")
        assert (response.status_code, response.json["error"], response.json["earliestSequence"]) == (
            410,
            "events_gone",
            2,
        )
    assert client.get(f"{RECORD}?asOfSequence=2").json["onHand"] == 7


def test_what_was_compacted_is_found_in_the_archive(client, at, ledger):
    ledger.part.compacted = 2
    assert client.get(f"{RECORD}?asOfSequence=1").json["onHand"] == 10


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("asOfSequence=-1", "asOfSequence"),
        ("asOfSequence=x", "asOfSequence"),
        ("asOf=yesterday", "asOf"),
        ("asOf=2026-01-01", "asOf"),
        ("asOf=2026-01-01T00:00:00", "asOf"),
        ("asOf=", "asOf"),
        ("asof=2026-01-01T00:00:00Z", "asof"),
    ],
)
def test_a_wrong_query_is_refused_by_name(client, at, query, field):
    response = client.get(f"{RECORD}?{query}")
    assert (response.status_code, wrong_fields(response)) == (400, [field])


def test_a_condition_is_about_the_record_as_it_was(client, at):
    asked = {"If-None-Match": '"2"'}
    assert client.get(f"{RECORD}?asOfSequence=2", headers=asked).status_code == 304
    assert client.get(RECORD, headers=asked).status_code == 200


def test_a_head_shows_the_tag_of_then(client, at):
    assert client.head(f"{RECORD}?asOfSequence=1").headers["ETag"] == '"1"'


def test_a_count_does_not_undo_the_sales_made_meanwhile(client, at):
    # 12 on the screen, 11 on the shelf; 4 are sold before the count is sent.
    client.post(ADJUST, json={"delta": -4})
    counted = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 3})
    assert (counted.status_code, counted.json["onHand"]) == (200, 7)


def test_a_count_of_an_old_version_adds_everything_that_has_changed_since(client, at):
    # 10 at version 1, and all 10 are on the shelf: since then 3 went and 5 came.
    assert client.put(RECORD, json={"onHand": 10, "countedAtVersion": 1}).json["onHand"] == 12


def test_a_count_of_the_current_version_is_a_count(client, at):
    assert client.put(RECORD, json={"onHand": 2, "countedAtVersion": 3}).json["onHand"] == 2


def test_a_count_that_does_not_say_when_says_what_is_there(client, at):
    client.post(ADJUST, json={"delta": -4})
    assert client.put(RECORD, json={"onHand": 11}).json["onHand"] == 11


def test_holds_made_meanwhile_stay(client, at):
    client.post(RESERVE, json={"qty": 5})
    body = client.put(RECORD, json={"onHand": 4, "countedAtVersion": 3}).json
    assert (body["onHand"], body["reserved"], body["qty"], body["oversoldBy"]) == (4, 5, 0, 1)


def test_a_version_that_is_not_there_yet_was_not_on_the_screen(client, at):
    response = client.put(RECORD, json={"onHand": 4, "countedAtVersion": 4})
    assert (response.status_code, wrong_fields(response)) == (400, ["countedAtVersion"])
    assert client.get(RECORD).json["version"] == 3


def test_a_count_that_would_leave_less_than_nothing_is_refused_and_changes_nothing(client, at):
    client.post(ADJUST, json={"delta": -12})
    response = client.put(RECORD, json={"onHand": 3, "countedAtVersion": 3})
    assert (response.status_code, wrong_fields(response)) == (400, ["onHand"])
    assert client.get(RECORD).json["onHand"] == 0


def test_a_record_that_is_not_there_was_not_on_the_screen(client):
    assert client.put(RECORD, json={"onHand": 4, "countedAtVersion": 1}).status_code == 404


def test_a_repeated_count_counts_once(client, at):
    first = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 3}, headers=KEY)
    client.post(ADJUST, json={"delta": -1})
    again = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 3}, headers=KEY)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert client.get(RECORD).json["onHand"] == 10


def test_a_retry_of_a_count_is_the_first_answer_although_its_version_is_gone(client, at, ledger):
    first = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 1}, headers=KEY)
    ledger.part.compacted = ledger.part.deleted = 3
    again = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 1}, headers=KEY)
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (200, first.json, "true")


def test_a_count_of_a_version_that_is_gone_is_refused_and_changes_nothing(client, at, ledger):
    ledger.part.compacted = ledger.part.deleted = 2
    refused = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 1}, headers=KEY)
    assert (refused.status_code, refused.json["error"]) == (410, "events_gone")
    assert client.get(RECORD).json["version"] == 3


def test_the_key_of_a_count_is_no_way_around_its_version(client, at, ledger):
    client.put(RECORD, json={"onHand": 11, "countedAtVersion": 1}, headers=KEY)
    other = client.put(RECORD, json={"onHand": 11, "countedAtVersion": 9}, headers=KEY)
    assert (other.status_code, other.json["error"]) == (409, "idempotency_conflict")
