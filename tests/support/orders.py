"""Clients that place orders without pause: a hold of several lines, then a commit or a release of it."""

import threading
from collections.abc import Iterator
from random import Random
from typing import Any

from support.client import Answer, Client, Unanswered
from support.running_server import RunningServer

SKUS = [f"sku-{number}" for number in range(8)]
LINES = 5


def order(random: Random, lines: int = LINES) -> list[dict[str, Any]]:
    """Some SKUs in random order: what two orders share, they name in different orders."""
    return [{"storeId": "store-1", "sku": sku, "qty": random.randint(1, 3)} for sku in random.sample(SKUS, lines)]


class Till:
    """One client. ``held`` and ``ended`` are what it was told of its reservations, by id."""

    def __init__(self, server: RunningServer, number: int) -> None:
        self._server = server
        self._random = Random(number)
        self.held: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        self.refused = 0

    def place(self, orders: int, stop: threading.Event) -> None:
        """Place so many orders, or until ``stop``; gives up where the server does."""
        with self._server.client() as client:
            try:
                for _ in range(orders):
                    if stop.is_set():
                        return
                    self._place_one(client)
            except Unanswered:
                return

    def _place_one(self, client: Client) -> None:
        answer = client.post("/reservations", {"lines": order(self._random)})
        if answer.status == 409:
            assert_is_short(answer)
            self.refused += 1
            return
        assert answer.status == 201, answer
        name = answer.json["reservationId"]
        self.held[name] = answer.json
        act = self._random.choice(["commit", "release", None])
        if act is None:
            return
        ended = client.post(f"/reservations/{name}/{act}")
        assert ended.status == 200, ended
        del self.held[name]
        self.ended[name] = ended.json


def assert_is_short(answer: Answer) -> None:
    assert answer.json["error"] == "insufficient_stock", answer
    assert answer.json["lines"], answer
    assert all(line["available"] < line["requested"] for line in answer.json["lines"]), answer


def all_reservations(server: RunningServer) -> Iterator[dict[str, Any]]:
    """Every one that the server remembers, as it is read by itself."""
    query = "limit=1000&detail=lines"
    while True:
        page = server.get(f"/reservations?{query}")
        for reservation in page["items"]:
            assert reservation.pop("lineCount") == len(reservation["lines"])
            yield reservation
        if page["nextCursor"] is None:
            return
        query = f"limit=1000&detail=lines&cursor={page['nextCursor']}"


def assert_adds_up(server: RunningServer, start: int) -> None:
    """Check that each record's reserved is the sum of open holds, and its stock the start without what has left."""
    held, left = dict.fromkeys(SKUS, 0), dict.fromkeys(SKUS, 0)
    for reservation in all_reservations(server):
        for line in reservation["lines"]:
            held[line["sku"]] += line["qty"] - line["committed"] - line["released"]
            left[line["sku"]] += line["committed"]
    for sku in SKUS:
        record = server.get(f"/stores/store-1/inventory/{sku}")
        assert (record["reserved"], record["onHand"]) == (held[sku], start - left[sku]), sku
        assert 0 <= record["reserved"] <= record["onHand"], sku
