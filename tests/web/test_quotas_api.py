"""Quotas as clients and operators meet them."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from support.apps import NOW, make_services

from inventory.memory.ledger import MemoryLedger
from inventory.service.change_overlay import EventStamp
from inventory.service.quotas import Quotas
from inventory.web.app import create_app

HERE, THERE = "/stores/s-1/inventory/k-1", "/stores/s-1/inventory/k-2"


def client_with(records: int = 10, stores: int = 10, open_reservations: int = 10) -> FlaskClient:
    writer = EventStamp("memory", 3_600_000, quotas=Quotas(records, stores, open_reservations))
    services = make_services(
        MemoryLedger(writer, now=lambda: NOW),
        max_records=records,
        max_stores=stores,
        max_open_reservations=open_reservations,
    )
    client = create_app(services).test_client()
    assert client.put(HERE, json={"onHand": 10}).status_code == 201
    return client


def refused(response: Any) -> tuple[int, str, str, int, int]:
    body = response.json
    return (response.status_code, body["error"], body["quota"], body["limit"], body["current"])


def test_a_count_of_one_record_too_many_names_the_setting_and_what_to_do():
    client = client_with(records=1)
    response = client.put(THERE, json={"onHand": 1})
    assert refused(response) == (409, "quota_exceeded", "MAX_RECORDS", 1, 1)
    assert "ask the operator to raise MAX_RECORDS" in response.json["message"]
    assert client.get(THERE).status_code == 404
    assert client.put(HERE, json={"onHand": 3}).status_code == 200


def test_a_store_too_many_is_refused():
    response = client_with(stores=1).put("/stores/s-2/inventory/k-1", json={"onHand": 1})
    assert refused(response) == (409, "quota_exceeded", "MAX_STORES", 1, 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{HERE}/reserve", {"qty": 1}),
        ("/reservations", {"lines": [{"storeId": "s-1", "sku": "k-1", "qty": 1}]}),
    ],
)
def test_a_hold_too_many_is_refused_until_one_has_ended(path: str, body: dict[str, Any]):
    client = client_with(open_reservations=1)
    first = client.post(path, json=body)
    assert first.status_code in (200, 201)
    assert refused(client.post(path, json=body)) == (409, "quota_exceeded", "MAX_OPEN_RESERVATIONS", 1, 1)
    assert client.get(HERE).json["reserved"] == 1
    assert client.post(f"/reservations/{first.json['reservationId']}/release", json={}).status_code == 200
    assert client.post(path, json=body).status_code == first.status_code


def test_a_transfer_that_would_make_a_record_too_many_moves_nothing():
    client = client_with(records=1)
    body = {"from": "s-1", "to": "s-2", "lines": [{"sku": "k-1", "qty": 1}]}
    assert refused(client.post("/transfers", json=body))[1:3] == ("quota_exceeded", "MAX_RECORDS")
    assert client.get(HERE).json["qty"] == 10


def counts(*skus: str) -> list[dict[str, Any]]:
    return [{"op": "count", "storeId": "s-1", "sku": sku, "onHand": 1} for sku in skus]


def test_of_a_batch_the_operations_for_which_there_is_room_are_carried_out():
    client = client_with(records=2)
    response = client.post("/inventory/batch", json={"atomic": False, "operations": counts("k-1", "k-2", "k-3")})
    results = response.json["results"]
    assert [result["status"] for result in results] == [200, 201, 409]
    assert {name: results[2][name] for name in ("error", "quota", "limit", "current")} == {
        "error": "quota_exceeded",
        "quota": "MAX_RECORDS",
        "limit": 2,
        "current": 2,
    }


def test_an_atomic_batch_for_which_there_is_no_room_is_refused_entirely():
    client = client_with(records=2)
    response = client.post("/inventory/batch", json={"atomic": True, "operations": counts("k-2", "k-3")})
    assert refused(response) == (409, "quota_exceeded", "MAX_RECORDS", 2, 1)
    assert client.get(THERE).status_code == 404


def test_a_quota_that_is_nearly_used_up_is_in_readiness_and_metrics_and_the_process_is_ready():
    client = client_with(stores=1)
    readiness, metrics = client.get("/health/readiness"), client.get("/metrics").json
    assert (readiness.status_code, readiness.json["warnings"]) == (200, ["MAX_STORES: 1 of 1 stores"])
    assert (metrics["stores"], metrics["maxStores"], metrics["quotasNearlyUsed"]) == (1, 1, 1)


def test_the_metrics_tell_what_is_kept_and_what_memory_it_takes():
    client = client_with()
    client.post(f"{HERE}/reserve", json={"qty": 1}, headers={"Idempotency-Key": "k"})
    held = client.post(f"{HERE}/reserve", json={"qty": 1}).json["reservationId"]
    client.post(f"/reservations/{held}/release", json={})
    found = client.get("/metrics").json
    kept = ("records", "stores", "keys", "openReservations", "endedReservations")
    assert [found[name] for name in kept] == [1, 1, 1, 1, 1]
    assert all(memory > 1_000_000 for memory in found["workerMemoryBytes"].values())
