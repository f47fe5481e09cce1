"""The answer to a client that meets a lease, and the counters of leases."""

from dataclasses import replace

import pytest
from support.apps import ADJUST, NOW, RECORD, make_services

from inventory.domain.errors import LockLost
from inventory.resilience.lease import LeaseStore
from inventory.service.sku_leases import LeasePolicy, SkuLeases
from inventory.service.stock import StockService
from inventory.web.app import create_app

COUNTED = ("lockAcquired", "lockContended", "lockStolen", "lockExpired", "lockLost", "lockReleaseFailures")


def leases_in(folder, status=503) -> SkuLeases:
    store = LeaseStore(folder, owner="o", ttl_ms=2000, boot="b", now=lambda: 0)
    return SkuLeases(store, lambda: NOW, LeasePolicy(reject_status=status, retry_after_ms=1200))


def client_of(leases: SkuLeases):
    plain = make_services()
    services = replace(plain, stock=StockService(plain.ledger, leases))
    client = create_app(services).test_client()
    assert client.put(RECORD, json={"onHand": 10}).status_code == 201
    return client


@pytest.mark.parametrize("status", [409, 423, 429, 503])
def test_a_change_of_a_leased_sku_is_refused_with_the_status_that_was_set(tmp_path, status):
    client = client_of(leases_in(tmp_path, status))
    with leases_in(tmp_path).holding(["sku-1"]):
        response = client.post(ADJUST, json={"delta": -1})

    assert (response.status_code, response.json["status"], response.json["error"]) == (status, status, "lock_contended")
    assert (response.headers["Retry-After"], response.headers["X-Lock-Key"]) == ("2", "sku-1")
    assert (response.json["sku"], response.json["outcome"]) == ("sku-1", "none")
    assert client.get(RECORD).json["version"] == 1


def test_a_change_that_has_lost_its_lease_is_refused_for_certain(tmp_path, monkeypatch):
    leases = leases_in(tmp_path)
    client = client_of(leases)
    monkeypatch.setattr(leases, "policy", LeasePolicy(ttl_ms=0))
    response = client.post(ADJUST, json={"delta": -1})

    assert (response.status_code, response.json["error"]) == (503, "lock_lost")
    assert (response.json["outcome"], response.json["sku"], response.headers["Retry-After"]) == ("none", "sku-1", "1")
    assert client.get(RECORD).json["version"] == 1


def test_leases_are_counted_by_what_happens_to_them(tmp_path):
    leases = leases_in(tmp_path)
    client = client_of(leases)
    events = ("contended", "stolen", "expired", "lost", "release_failed")
    for number, event in enumerate(events, start=2):
        for _ in range(number):
            leases.count(event)

    totals = client.get("/metrics").json
    assert [totals[name] for name in COUNTED] == [1, 2, 3, 4, 5, 6]
    text = client.get("/metrics", headers={"Accept": "text/plain"}).text
    assert "inventory_lock_contended_total 2.0" in text
    assert "inventory_lock_release_failures_total 6.0" in text


def test_a_lost_lease_names_its_sku():
    assert LockLost("sku-9").sku == "sku-9"
