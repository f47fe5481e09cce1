"""`outcome` is `none` only where that is certain: a key that was not looked up may belong to a change that happened."""

from dataclasses import replace

import pytest
from support.apps import ADJUST, RECORD, FailingLedger, make_services
from support.given import Clock

from inventory.domain.errors import NeedsOperator, Overloaded, ReadOnly, StorageUnavailable
from inventory.web.app import create_app

KEY = {"Idempotency-Key": "sale-1"}
SALE = {"delta": -1}


class Slow:
    """A body that never comes."""

    def read(self, size: int = -1) -> bytes:
        raise TimeoutError


def limited():
    """A client whose bucket is empty."""
    client = create_app(make_services(since_boot=Clock(), rate_limit_rps=2, rate_limit_burst=1)).test_client()
    assert client.put(RECORD, json={"onHand": 10}).status_code == 201
    return client


def shedding():
    services = make_services(since_boot=Clock())
    services.shedder.watch(lambda: 10_000)
    services.shedder.sheds = lambda: True
    return create_app(services).test_client()


def full():
    services = make_services(concurrency_api=1)
    assert services.changes.enter()
    return create_app(services).test_client()


def failing(error):
    return create_app(make_services(FailingLedger(change=error))).test_client()


BEFORE_THE_KEY = {
    "rate_limited": limited,
    "overloaded, shed": shedding,
    "overloaded, full": full,
    "overloaded, withdrawn": lambda: failing(Overloaded("the change was not begun in time")),
    "storage_unavailable": lambda: failing(StorageUnavailable("disk", outcome="none")),
    "read_only": lambda: failing(ReadOnly("for a while")),
    "needs_operator": lambda: failing(NeedsOperator("the log is damaged", "restore it")),
}


@pytest.mark.parametrize("case", BEFORE_THE_KEY)
@pytest.mark.parametrize(("headers", "outcome"), [(KEY, "unknown"), ({}, "none")], ids=["keyed", "without a key"])
def test_what_is_refused_before_its_key_was_looked_up_is_certain_only_without_a_key(case, headers, outcome):
    refused = BEFORE_THE_KEY[case]().post(ADJUST, json=SALE, headers=headers)

    assert (refused.json["error"], refused.json["outcome"]) == (case.split(",")[0], outcome)
    assert ("same Idempotency-Key" in refused.json["message"]) == (outcome == "unknown")
    assert -(-refused.json["retryAfterMs"] // 1000) == int(refused.headers["Retry-After"])


@pytest.mark.parametrize(("headers", "outcome"), [(KEY, "unknown"), ({}, "none")], ids=["keyed", "without a key"])
def test_a_request_that_was_not_sent_in_time_says_its_outcome(client, headers, outcome):
    refused = client.post(
        ADJUST,
        headers={**headers, "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": Slow(), "CONTENT_LENGTH": "12"},
    )

    assert (refused.status_code, refused.json["outcome"]) == (408, outcome)


@pytest.mark.parametrize("headers", [KEY, {}], ids=["keyed", "without a key"])
def test_after_a_fault_the_outcome_of_a_change_is_unknown(headers):
    assert failing(RuntimeError("a fault")).post(ADJUST, json=SALE, headers=headers).json["outcome"] == "unknown"


def test_a_read_that_fails_has_changed_nothing():
    for error in (RuntimeError("a fault"), StorageUnavailable("disk", outcome="unknown")):
        client = create_app(make_services(FailingLedger(read=error))).test_client()
        assert client.get(RECORD, headers=KEY).json["outcome"] == "none"


def opened(services):
    """The same services with a breaker that has just opened."""
    breaker = services.breakers[0]
    for _ in range(services.settings.breaker_threshold):
        breaker.failed(breaker.admit())
    assert breaker.state == "open"
    return create_app(services).test_client()


@pytest.fixture
def services():
    services = make_services(since_boot=Clock())
    client = create_app(services).test_client()
    client.put(RECORD, json={"onHand": 10})
    client.post(ADJUST, json=SALE, headers=KEY)
    return services


def test_while_the_breaker_is_open_the_first_answer_is_given_again(services):
    again = opened(services).post(ADJUST, json=SALE, headers=KEY)

    assert (again.status_code, again.headers["Idempotent-Replayed"], again.json["qty"]) == (200, "true", 9)


def test_while_the_breaker_is_open_a_key_that_has_caused_nothing_is_refused_for_certain(services):
    client = opened(services)
    refused = client.post(ADJUST, json=SALE, headers={"Idempotency-Key": "sale-2"})

    assert (refused.json["error"], refused.json["outcome"]) == ("read_only", "none")
    assert client.get(RECORD).json["qty"] == 9


def test_while_the_breaker_is_open_a_batch_is_answered_again_and_another_refused_for_certain(services):
    batch = {
        "atomic": False,
        "operations": [{"op": "adjust", "storeId": "store-1", "sku": "sku-1", "delta": -1}],
    }
    first = create_app(services).test_client().post("/inventory/batch", json=batch, headers={"Idempotency-Key": "b"})
    client = opened(services)

    again = client.post("/inventory/batch", json=batch, headers={"Idempotency-Key": "b"})
    refused = client.post("/inventory/batch", json=batch, headers={"Idempotency-Key": "c"})

    assert again.json == first.json
    assert [(one["error"], one["outcome"]) for one in refused.json["results"]] == [("read_only", "none")]


def test_a_refused_operation_of_a_batch_with_a_key_is_certain_only_where_the_key_was_looked_up():
    services = make_services()

    class Refusing(FailingLedger):
        def submit_all(self, changes, key=None):
            raise StorageUnavailable("disk", outcome="none")

    broken = replace(services, stock=type(services.stock)(Refusing()))
    batch = {"atomic": False, "operations": [{"op": "adjust", "storeId": "store-1", "sku": "sku-1", "delta": -1}]}
    client = create_app(broken).test_client()

    told = [client.post("/inventory/batch", json=batch, headers=headers).json["results"][0] for headers in (KEY, {})]
    assert [(one["outcome"], one["retryAfterMs"]) for one in told] == [("unknown", 1000), ("none", 1000)]


def test_what_needs_an_operator_says_what_to_do_and_has_clients_wait_longer():
    refused = failing(NeedsOperator("the log is damaged", "restore it")).post(ADJUST, json=SALE)

    assert (refused.status_code, refused.json["operatorAction"]) == (503, "restore it")
    assert (refused.json["retryAfterMs"], refused.headers["Retry-After"]) == (30_000, "30")


@pytest.mark.parametrize("path", [ADJUST, "/nowhere"])
def test_every_refusal_names_the_next_step(client, path):
    assert client.post(path, json={}).json["nextStep"].endswith(".")


def test_an_unknown_path_is_not_advised_to_create_a_record(client):
    assert "PUT" in client.get("/stores/berlin/inventory/unknown").json["nextStep"]
    assert "PUT" not in client.get("/nowhere").json["nextStep"]
