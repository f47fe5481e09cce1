"""Many clients, two servers, one folder: every answer continues the one before."""

import threading
from collections import defaultdict
from functools import partial
from random import Random
from typing import Any

from system.client import Answer, Client, record_path, stock
from system.running_server import RunningServer, assert_whole

from inventory.resilience.parallel import run_parallel

SKUS = [f"sku-{number}" for number in range(5)]
CLIENTS = 16
OPERATIONS = 2000
START = 40


class History:
    """What was answered, by SKU and version; and the highest version that anybody was ever told."""

    def __init__(self) -> None:
        self.changes: dict[str, dict[int, tuple[str, int, dict[str, Any]]]] = defaultdict(dict)
        self.refused = 0
        self._told: dict[str, int] = dict.fromkeys(SKUS, 1)
        self._guard = threading.Lock()

    def told(self, sku: str) -> int:
        with self._guard:
            return self._told[sku]

    def note(self, sku: str, kind: str, amount: int, answer: Answer) -> None:
        body = answer.json
        if answer.status == 409:
            assert body["error"] in ("insufficient_stock", "version_conflict"), body
            if body["error"] == "insufficient_stock":
                assert body["available"] < body["requested"], body
            self.refused += 1
            return
        assert answer.status == 200, answer
        with self._guard:
            self._told[sku] = max(self._told[sku], body["version"])
            if kind != "get":
                assert body["version"] not in self.changes[sku], "one version was given twice"
                self.changes[sku][body["version"]] = (kind, amount, body)


def operate(servers: tuple[RunningServer, ...], history: History, number: int) -> None:
    """One client: every second request goes to the other server."""
    random = Random(number)
    clients = [server.client() for server in servers]
    try:
        for turn in range(OPERATIONS // CLIENTS):
            _operate_once(clients[(number + turn) % len(clients)], history, random)
    finally:
        for client in clients:
            client.close()


def _operate_once(client: Client, history: History, random: Random) -> None:
    sku = random.choice(SKUS)
    kind = random.choices(("adjust", "reserve", "put", "get", "adjust-if"), (8, 4, 1, 5, 4))[0]
    amount, told = random.choice((-3, -2, -1, 1, 2, 4)), history.told(sku)
    match kind:
        case "adjust":
            answer = client.post(f"{record_path(sku)}/adjust", {"delta": amount})
        case "adjust-if":
            answer = client.post(f"{record_path(sku)}/adjust", {"delta": amount}, If_Match=f'"{told}"')
            if answer.status == 200:
                assert answer.json["version"] == told + 1, answer
            elif answer.json["error"] == "version_conflict":
                assert answer.json["currentVersion"] > told, answer
        case "reserve":
            answer = client.post(f"{record_path(sku)}/reserve", {"qty": abs(amount)})
        case "put":
            # Never below what may have been reserved: that would be a refusal of another kind.
            amount = random.randint(10_000, 20_000)
            answer = client.put(record_path(sku), {"onHand": amount})
        case _:
            answer = client.get(record_path(sku))
            assert answer.json["version"] >= told, "a read does not know what somebody was told before it began"
    history.note(sku, kind, amount, answer)


def assert_continues(start: dict[str, Any], changes: dict[int, tuple[str, int, dict[str, Any]]]) -> dict[str, Any]:
    """Check that versions are 1..n and each answer follows from the one before; returns the last."""
    before = start
    for version in range(2, len(changes) + 2):
        kind, amount, after = changes[version]
        on_hand, reserved = before["onHand"], before["reserved"]
        if kind == "reserve":
            reserved += abs(amount)
        elif kind == "put":
            on_hand = amount
        else:
            on_hand += amount
        assert (after["onHand"], after["reserved"]) == (on_hand, reserved), (before, kind, amount, after)
        assert after["qty"] == on_hand - reserved >= 0
        assert after["sequence"] > before["sequence"]
        before = after
    return before


def test_two_thousand_mixed_operations_on_two_servers_make_one_history_for_each_sku(two_servers):
    with two_servers[0].client() as client:
        starts = {sku: stock(client, sku, START) for sku in SKUS}
    history = History()

    run_parallel([partial(operate, two_servers, history, number) for number in range(CLIENTS)], at_once=CLIENTS)

    assert history.refused > 0
    assert sum(len(changes) for changes in history.changes.values()) > OPERATIONS / 2
    for sku in SKUS:
        last = assert_continues(starts[sku], history.changes[sku])
        for server in two_servers:
            record = server.get(record_path(sku))
            assert {name: last[name] for name in record} == record
    assert_whole(two_servers[0].data_dir)
