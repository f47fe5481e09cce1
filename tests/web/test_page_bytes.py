"""Pages of lists end at 4 MiB, and the next page continues; large reads have a limit of their own."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from support.apps import NOW, make_services
from support.given import adding, item

from inventory.domain.record import Record
from inventory.domain.reservation import HeldLine, Reservation
from inventory.memory.ledger import MemoryLedger
from inventory.web import pages
from inventory.web.app import create_app
from inventory.web.request_limits import MANY, MOST_BYTES
from inventory.wiring.services import Services

BODY = 4 * 1024 * 1024


class Shop:
    """An app over a ledger whose state is filled at will."""

    def __init__(self, **settings: Any) -> None:
        self.ledger = MemoryLedger(now=lambda: NOW)
        self.services: Services = make_services(self.ledger, **settings)
        self.client: FlaskClient = create_app(self.services).test_client()

    def put(self, *, stores: int = 1, skus: int = 1) -> "Shop":
        state = self.ledger._state
        state.sequence = max(1, state.sequence)
        for store in range(stores):
            for sku in range(skus):
                state.restore(Record(item(f"sku-{sku}", f"store-{store:06d}"), 5, 2, 1, 1, NOW))
        return self

    def hold(self, many: int, lines: int) -> "Shop":
        held = tuple(HeldLine(item(f"TEA-DARJEELING-{line:04d}", "berlin-mitte"), 1) for line in range(lines))
        for number in range(1, many + 1):
            self.ledger._state.reservations.put(
                Reservation(f"reservation-{number:06d}", held, None, None, NOW, 1, number, number)
            )
        return self

    def change(self, many: int, lines: int = 1) -> "Shop":
        items = [item(f"sku-{line}") for line in range(lines)]
        for _ in range(many):
            self.ledger.submit(items, adding(*((at, 1) for at in items))).wait()
        return self

    def walk(self, path: str, cursor: str = "cursor") -> Iterator[dict[str, Any]]:
        """Page after page, each within what a body may have."""
        after = None
        while True:
            separator = "&" if "?" in path else "?"
            response = self.client.get(path if after is None else f"{path}{separator}{cursor}={after}")
            assert response.status_code == 200, response.text
            assert len(response.data) <= pages.MOST_BYTES
            yield response.json
            after = response.json["nextCursor"]
            if after is None or not response.json.get("items", True):
                return


def test_1_005_holds_of_500_lines_are_listed_in_pages_of_4_mib():
    shop = Shop().hold(1005, 500)
    found = [[one["reservationId"] for one in page["items"]] for page in shop.walk("/reservations?limit=1000")]
    assert [name for page in found for name in page] == [f"reservation-{number:06d}" for number in range(1, 1006)]
    assert len(found) > 10


def test_a_sku_in_100_000_stores_is_told_in_pages_of_4_mib_each_with_all_sums():
    shop = Shop().put(stores=100_000)
    for path in ("/inventory/sku-0", "/central/inventory/sku-0"):
        found = list(shop.walk(path))
        assert {(page["qty"], page["reserved"], page["onHand"]) for page in found} == {(300_000, 200_000, 500_000)}
        assert [one["storeId"] for page in found for one in page["stores"]] == [
            f"store-{number:06d}" for number in range(100_000)
        ]


def test_a_sku_in_ten_thousand_stores_is_told_in_one_answer():
    (page,) = Shop().put(stores=10_000).walk("/inventory/sku-0")
    assert (len(page["stores"]), page["nextCursor"]) == (10_000, None)


@pytest.mark.parametrize("path", ["/inventory/sku-0", "/central/inventory/sku-0"])
def test_a_sku_is_paged_by_limit_and_cursor(path: str):
    shop = Shop().put(stores=7)
    found = list(shop.walk(f"{path}?limit=3"))
    assert [len(page["stores"]) for page in found] == [3, 3, 1]
    assert [page["onHand"] for page in found] == [35, 35, 35]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=%3F", "prefix=a"])
def test_what_is_wrong_with_the_page_of_a_sku_is_named(query: str):
    response = Shop().put().client.get(f"/inventory/sku-0?{query}")
    assert (response.status_code, response.json["errors"][0]["field"]) == (400, query.partition("=")[0])


LISTS = {
    "/stores?limit=50": "storeId",
    "/stores/store-000001/inventory?limit=50": "sku",
    "/inventory/sku-0": "storeId",
    "/inventory/sku-0?limit=50": "storeId",
    "/central/inventory/sku-0": "storeId",
    "/reservations?limit=50": "reservationId",
    "/stores/store-1/inventory/sku-0/history?limit=50": "sequence",
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_is_cut_short_by_its_bytes_goes_on_without_gap_or_double(path: str, monkeypatch):
    shop = Shop().change(20, 2).put(stores=20, skus=20).hold(20, 2)

    def names() -> list[Any]:
        return [one[LISTS[path]] for page in shop.walk(path) for one in page.get("items") or page.get("stores", [])]

    whole = names()
    monkeypatch.setattr(pages, "MOST_BYTES", 1400)
    cut = list(shop.walk(path))
    assert names() == whole
    assert len(cut) > 1
    assert len(whole) >= 20


def test_the_feed_is_cut_short_by_its_bytes_and_goes_on(monkeypatch):
    shop = Shop().change(20, 2)
    monkeypatch.setattr(pages, "MOST_BYTES", 3000)
    found = [[one["sequence"] for one in page["items"]] for page in shop.walk("/events?limit=50", "after")]
    assert [sequence for page in found for sequence in page] == list(range(1, 21))
    assert len(found) > 3


def test_an_entry_that_is_longer_than_a_body_is_told_alone(monkeypatch):
    shop = Shop().hold(3, 20)
    monkeypatch.setattr(pages, "MOST_BYTES", 1500)
    first = shop.client.get("/reservations").json
    assert [one["reservationId"] for one in first["items"]] == ["reservation-000001"]
    assert shop.client.get(f"/reservations?cursor={first['nextCursor']}").json["items"][0]["sequence"] == 2


def refused(response: Any) -> tuple[int, str, bool]:
    return response.status_code, response.json["error"], "Retry-After" in response.headers


LARGE = [f"/stores?limit={MANY + 1}", "/inventory/sku-0", "/reservations?limit=60", f"/events?limit={MANY + 1}"]
SMALL = [
    "/stores",
    f"/stores?limit={MANY}",
    f"/inventory/sku-0?limit={MANY}",
    "/reservations?limit=3",
    "/events",
    "/health",
]


def full() -> Shop:
    return Shop(concurrency_reads=2).change(MANY + 1).put(stores=MANY + 5).hold(60, 50)


@pytest.mark.parametrize("path", LARGE)
def test_while_as_many_large_reads_as_may_be_are_at_work_a_further_one_is_refused(path: str):
    shop = full()
    assert shop.client.get(path).status_code == 200
    assert shop.services.large_reads.enter()
    assert shop.client.get(path).status_code == 200
    assert shop.services.large_reads.enter()
    assert refused(shop.client.get(path)) == (503, "overloaded", True)
    assert shop.client.get("/metrics").json["largeReadsRefused"] == 1
    shop.services.large_reads.leave()
    assert shop.client.get(path).status_code == 200


@pytest.mark.parametrize("path", SMALL)
def test_small_reads_go_on_beside_all_large_ones(path: str):
    shop = full()
    while shop.services.large_reads.enter():
        pass
    assert shop.services.unsent.take(shop.services.unsent.remaining)
    assert shop.client.get(path).status_code == 200


@pytest.mark.parametrize("path", LARGE)
def test_while_clients_leave_their_answers_lying_no_further_large_read_begins(path: str):
    shop = full()
    # One is at work; its answer, this one and those of changes all find room.
    assert shop.services.large_reads.enter()
    assert shop.services.unsent.take(shop.services.unsent.remaining - 3 * MOST_BYTES + 1)
    assert refused(shop.client.get(path)) == (503, "overloaded", True)
    assert shop.services.large_reads.at_work == 1
    shop.services.unsent.give_back(1)
    assert shop.client.get(path).status_code == 200


def test_what_clients_have_not_taken_shows_in_the_metrics():
    shop = full()
    shop.services.unsent.take(1234)
    assert shop.client.get("/metrics").json["unsentBytes"] == 1234


def test_a_large_read_that_fails_makes_room_again(monkeypatch):
    shop = full()
    monkeypatch.setattr(pages, "json_answer", None)
    assert shop.client.get(LARGE[0]).status_code == 500
    assert shop.services.large_reads.at_work == 0
