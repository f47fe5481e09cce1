"""Answers about holds that are read from the log: the bytes of the first answer, or an error if the events are gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.shop_on_disk import SKUS, Shop

from inventory.eventlog import archive
from inventory.eventlog.layout import Layout
from inventory.service.state_pages import READ_AT_ONCE


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.services.close()


def part(sku: str, qty: int = 1) -> dict[str, Any]:
    return {"lines": [{"storeId": "s", "sku": sku, "qty": qty}]}


def each_change(path: str) -> list[tuple[str, Any]]:
    return [
        (f"{path}/extend", {"ttlMs": 3_600_000}),
        (f"{path}/commit", part("a")),
        (f"{path}/release", part("b", 2)),
        (f"{path}/extend", {"ttlMs": 7_200_000}),
        (f"{path}/commit", part("c", 4)),
        (f"{path}/commit", None),
    ]


def told(response: Any) -> tuple[int, bytes, str | None]:
    return response.status_code, response.data, response.headers.get("ETag")


def test_every_keyed_change_of_a_hold_is_replayed_to_the_byte_whatever_has_become_of_the_log(shop: Shop):
    asked = [(*change, f"key-{number}") for number, change in enumerate(each_change(shop.hold()))]
    first = []
    for one in asked:
        first.append(told(shop.post(*one)))
        assert [told(shop.post(*earlier)) for earlier in asked[: len(first)]] == first
    assert {status for status, _, _ in first} == {200}
    stock = shop.on_hand()[1:]

    def replayed() -> list[Any]:
        return [told(shop.post(*one)) for one in asked]

    shop.fill()
    assert replayed() == first
    shop.services.maintenance.run_once()
    shop.restart()
    assert replayed() == first
    shop.fill()
    assert 1 in shop.archive_all()
    assert replayed() == first
    shop.restart()
    assert replayed() == first
    assert shop.post(*asked[0]).headers["Idempotent-Replayed"] == "true"
    assert shop.on_hand()[1:] == stock


def test_what_a_hold_was_after_each_event_is_in_the_feed_after_a_restart(shop: Shop):
    answers = [shop.post(*change, f"key-{number}").json for number, change in enumerate(each_change(shop.hold()))]
    shop.fill()
    shop.restart()
    told_of = [event["reservation"] for event in shop.get("/events?limit=1000").json["items"] if "reservation" in event]
    assert told_of[1:] == answers
    history = shop.get("/stores/s/inventory/c/history").json["items"]
    assert [event["reservation"] for event in history if event["type"] == "reservation.committed"] == [
        answers[4],
    ]


def test_an_ended_hold_is_read_with_its_lines_from_log_and_archive(shop: Shop):
    path = shop.hold()
    shop.post(f"{path}/commit", part("a"), "part")
    ended = told(shop.post(f"{path}/release"))
    for _ in range(2):
        assert told(shop.get(path)) == told(shop.post(f"{path}/release")) == ended
        shop.fill()
        assert shop.archive_all()
        shop.restart()
    assert told(shop.get(path)) == ended


def gone(response: Any) -> tuple[int, str, str | None]:
    return response.status_code, response.json["error"], response.json.get("reservationId")


def test_where_the_lines_were_deleted_nothing_is_made_up_and_nothing_changes(shop: Shop):
    path = shop.hold()
    name = path.rpartition("/")[2]
    shop.post(f"{path}/commit")
    shop.fill()
    shop.delete(shop.archive_all())
    stock = shop.on_hand()
    assert gone(shop.get(path)) == gone(shop.post(f"{path}/commit")) == (410, "history_gone", name)
    for query in ("", "?detail=lines", "?sku=a", "?sku=a&detail=lines"):
        (listed,) = shop.get(f"/reservations{query}").json["items"]
        assert (listed["reservationId"], listed["lines"]) == (name, None)
    assert shop.post(f"{path}/release").json["error"] == "wrong_state"
    assert shop.on_hand() == stock


def test_a_key_whose_event_was_deleted_is_never_used_again(shop: Shop):
    path = shop.hold()
    changes = [
        (f"{path}/commit", part("a"), "part"),
        (f"{path}/extend", {"ttlMs": 3_600_000}, "longer"),
        ("/stores/s/inventory/b/adjust", {"delta": -1}, "sale"),
        ("/reservations", {"lines": [{"storeId": "s", "sku": "c", "qty": 1}]}, "order"),
        (
            "/inventory/batch",
            {"atomic": True, "operations": [{"op": "adjust", "storeId": "s", "sku": "a", "delta": 1}]},
            "batch",
        ),
    ]
    for change in changes:
        assert shop.post(*change).status_code in (200, 201)
    shop.fill()
    shop.delete(shop.archive_all())
    stock, latest = shop.on_hand(), shop.services.ledger.status().sequence
    assert [gone(shop.post(*change)) for change in changes] == [(410, "history_gone", None)] * len(changes)
    assert (shop.on_hand(), shop.services.ledger.status().sequence) == (stock, latest)


def test_a_replay_whose_lines_were_deleted_is_not_applied_again(shop: Shop):
    path = shop.hold()
    shop.fill()
    old = shop.archive_all()
    longer = (f"{path}/extend", {"ttlMs": 3_600_000}, "longer")
    first = told(shop.post(*longer))
    shop.delete(old)
    # While nothing but its end has changed since, the hold itself has the lines.
    assert told(shop.post(*longer)) == first
    shop.post(f"{path}/extend", {"ttlMs": 1_000_000})
    assert told(shop.post(*longer)) == first
    shop.post(f"{path}/commit", part("a"), "part")
    assert gone(shop.post(*longer)) == (410, "history_gone", path.rpartition("/")[2])
    assert shop.get(path).json["version"] == 4


def test_the_feed_goes_on_without_the_lines_that_were_deleted(shop: Shop):
    path = shop.hold()
    shop.fill()
    old = shop.archive_all()
    extended = shop.post(f"{path}/extend", {"ttlMs": 3_600_000}).json
    ended = shop.post(f"{path}/release").json
    shop.delete(old)
    first = shop.layout.segments()[0]
    events = shop.get(f"/events?after={first - 1}").json["items"]
    known = ("reservationId", "expiresAt", "version", "sequence")
    step = {name: extended[name] for name in known} | {"lines": None}
    assert [event["reservation"] for event in events if "reservation" in event] == [step, ended]


def listed(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    """All pages."""
    found, cursor = [], "0"
    while cursor is not None:
        page = shop.get(f"/reservations?limit=1000&cursor={cursor}{query}").json
        found.append(page["items"])
        cursor = page["nextCursor"]
    return found


def test_in_a_list_an_ended_hold_has_its_lines_only_if_they_are_asked_for(shop: Shop):
    is_open, ended = shop.hold("a"), shop.hold("a", "b")
    shop.post(f"{ended}/commit")
    [[first, second]] = listed(shop)
    assert (len(first["lines"]), first["lineCount"], second["lines"], second["lineCount"]) == (1, 1, None, 2)
    whole = [{**shop.get(path).json, "lineCount": lines} for path, lines in ((is_open, 1), (ended, 2))]
    assert listed(shop, "&detail=lines") == [whole]
    assert shop.get("/reservations?detail=all").status_code == 400


def test_a_page_for_which_lines_are_read_ends_after_200_ended_holds(shop: Shop):
    many = READ_AT_ONCE + 5
    for number in range(many):
        path = shop.hold(SKUS[number % 2])
        shop.post(f"{path}/release")
    shop.hold("c")
    assert [len(page) for page in listed(shop)] == [many + 1]
    assert [len(page) for page in listed(shop, "&detail=lines")] == [READ_AT_ONCE, 6]
    assert [len(page) for page in listed(shop, "&sku=a&storeId=s")] == [READ_AT_ONCE // 2, 3]
    assert [len(page) for page in listed(shop, "&sku=c")] == [0, 1]


def test_all_parts_of_a_batch_are_looked_up_with_one_unpacking_of_their_segment(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    operations = [{"op": "adjust", "storeId": "s", "sku": "b", "delta": 1}] * 10
    asked = ("/inventory/batch", {"atomic": False, "operations": operations}, "batch")
    first = shop.post(*asked)
    shop.fill()
    shop.archive_all()
    unpacked, unpack = [], archive.open_segment

    def noted(layout: Layout, segment: int) -> int:
        unpacked.append(segment)
        return unpack(layout, segment)

    monkeypatch.setattr(archive, "open_segment", noted)
    again = shop.post(*asked)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert len(unpacked) == len(set(unpacked)) > 0
