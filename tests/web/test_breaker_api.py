"""Storage that fails: the breaker opens, changes are refused at once, reads go on, and it recovers."""

import pytest
from support.apps import ADJUST, RECORD, FailingLedger, make_services
from support.given import Clock
from support.views import MemoryViews

from inventory.domain.errors import Overloaded, ReadOnly, StorageTimeout, StorageUnavailable
from inventory.web.app import create_app

THRESHOLD = 3
COOLDOWN = 5000
UNAVAILABLE = StorageUnavailable("the disk is full", outcome="none")


def failing_views():
    views = MemoryViews()
    views.error = UNAVAILABLE
    return views


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger():
    return FailingLedger()


@pytest.fixture
def client(ledger, clock):
    services = make_services(ledger, None, clock, breaker_threshold=THRESHOLD, breaker_cooldown_ms=COOLDOWN)
    client = create_app(services).test_client()
    client.put(RECORD, json={"onHand": 10})
    return client


def adjust(client, delta=1, times=1):
    return [client.post(ADJUST, json={"delta": delta}) for _ in range(times)][-1]


@pytest.fixture
def opened(client, ledger):
    """A client of a service whose breaker has just opened; its storage still fails."""
    ledger.change = UNAVAILABLE
    adjust(client, times=THRESHOLD)
    return client


def breakers(client):
    return client.get("/health/readiness").json["breakers"]


def test_after_the_threshold_changes_are_refused_with_the_rest_of_the_cooldown(opened, ledger, clock):
    clock.advance(ms=1500)
    ledger.change = RuntimeError("the ledger was asked")

    refused = adjust(opened)

    assert (refused.status_code, refused.json["error"], refused.json["outcome"]) == (503, "read_only", "none")
    assert refused.headers["Retry-After"] == "4"


def test_while_it_is_open_reads_are_answered(opened):
    assert [opened.get(path).status_code for path in (RECORD, "/stores", "/inventory/sku-1")] == [200, 200, 200]


def test_a_service_whose_breaker_is_open_is_not_ready_and_says_which(opened):
    response = opened.get("/health/readiness")

    assert (response.status_code, response.json["breakers"]) == (503, {"ledger": "open", "sync": "closed"})
    assert "breaker of the ledger" in response.json["reason"]


def test_after_the_cooldown_it_is_ready_again_for_without_requests_there_is_no_probe(opened, clock):
    clock.advance(ms=COOLDOWN)

    response = opened.get("/health/readiness")

    assert (response.status_code, response.json["breakers"]["ledger"]) == (200, "half-open")


def test_a_probe_that_is_carried_out_closes_it(opened, ledger, clock):
    ledger.change = None
    clock.advance(ms=COOLDOWN)

    assert (adjust(opened).status_code, adjust(opened).status_code) == (200, 200)
    assert breakers(opened)["ledger"] == "closed"


def test_a_probe_that_fails_keeps_it_open(opened, clock):
    clock.advance(ms=COOLDOWN)

    assert (adjust(opened).json["error"], adjust(opened).json["error"]) == ("storage_unavailable", "read_only")


def test_refusals_by_rule_never_open_it(client):
    adjust(client, delta=-99, times=3 * THRESHOLD)

    assert breakers(client)["ledger"] == "closed"


def test_a_refusal_by_rule_between_failures_forgets_them(client, ledger):
    for change in (UNAVAILABLE, None, UNAVAILABLE):
        ledger.change = change
        adjust(client, delta=-99, times=THRESHOLD - 1)

    assert breakers(client)["ledger"] == "closed"


@pytest.mark.parametrize("outcome", ["none", "unknown"])
def test_storage_that_is_only_slow_never_opens_it(client, ledger, outcome):
    ledger.change = StorageTimeout("not finished in time", outcome=outcome)
    answer = adjust(client, times=3 * THRESHOLD)

    assert (answer.json["error"], answer.json["outcome"]) == ("storage_unavailable", outcome)
    assert breakers(client)["ledger"] == "closed"


@pytest.mark.parametrize(
    "error",
    [
        Overloaded("full"),
        ReadOnly("one record"),
        RuntimeError("a fault"),
        StorageTimeout("slow", outcome="unknown"),
    ],
)
def test_what_says_nothing_of_storage_neither_opens_nor_closes_it(opened, ledger, clock, error):
    clock.advance(ms=COOLDOWN)
    ledger.change = error
    adjust(opened, times=3 * THRESHOLD)

    assert (breakers(opened)["ledger"], opened.get("/metrics").json["breakerOpen"]) == ("half-open", 1)


def test_openings_and_the_present_state_are_among_the_metrics(opened):
    text = opened.get("/metrics", headers={"Accept": "text/plain"}).text

    found = opened.get("/metrics").json
    assert (found["breakerOpen"], found["breakersNotClosed"]) == (1, 1)
    assert 'inventory_breaker_not_closed{breaker="ledger"} 1.0' in text
    assert 'inventory_breaker_not_closed{breaker="sync"} 0.0' in text


def test_publishing_that_fails_again_and_again_is_not_tried_for_a_while(ledger, clock):
    services = make_services(ledger, failing_views(), clock, breaker_threshold=THRESHOLD)
    client = create_app(services).test_client()
    answers = [client.post("/sync").json for _ in range(THRESHOLD + 1)]

    assert [answer["error"] for answer in answers] == ["storage_unavailable"] * 4
    assert "for a while" in answers[-1]["message"]
    assert services.sync.sync_if_due() is None
    assert breakers(client) == {"ledger": "closed", "sync": "open"}
    assert client.put(RECORD, json={"onHand": 1}).status_code == 201


def test_a_due_pass_that_is_not_due_says_nothing_of_storage(ledger, clock):
    views = failing_views()
    services = make_services(ledger, views, clock, breaker_threshold=2)
    client = create_app(services).test_client()
    client.post("/sync")
    views.is_free = False
    assert services.sync.sync_if_due() is None
    views.is_free = True
    client.post("/sync")

    assert breakers(client)["sync"] == "open"
