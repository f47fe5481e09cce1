"""Overload: the shedder and the bulkheads refuse changes at once; reads and health are answered."""

import json
import threading

import pytest
from support.apps import ADJUST, RECORD, FailingLedger, make_services
from support.parallel import run_parallel
from support.views import MemoryViews
from werkzeug.test import EnvironBuilder

from inventory.web.app import create_app
from inventory.web.deferred_answer import LateRefusal

READS = (RECORD, "/stores", "/health", "/health/liveness", "/metrics", "/sync/status")


class SlowLedger(FailingLedger):
    """Keeps changes at work until told to go on; ``begun`` counts them."""

    def __init__(self):
        super().__init__()
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()
        self.depth = 0

    def submit(self, entities, decide, key=None, weight=1):
        self.begun.release()
        assert self.go_on.wait(30)
        return super().submit(entities, decide, key)

    def submit_all(self, changes, key=None):
        # Before the ledger's mutex is taken: others are to be at work meanwhile.
        self.begun.release()
        assert self.go_on.wait(30)
        return super().submit_all(changes, key)

    def queue_depth(self):
        return self.depth


class SlowViews(MemoryViews):
    def __init__(self):
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def publish(self, snapshot):
        self.begun.set()
        assert self.go_on.wait(30)


def adjust(client, path=ADJUST):
    return client.post(path, json={"delta": 1})


def at_work(app, ledger, changes):
    """Put changes to work, each of another SKU; returns the threads, which end when the ledger goes on."""
    paths = [f"/stores/store-1/inventory/busy-{number}/adjust" for number in range(changes)]
    threads = [threading.Thread(target=adjust, args=(app.test_client(), path)) for path in paths]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert ledger.begun.acquire(timeout=30)
    return threads


@pytest.fixture
def slow():
    ledger = SlowLedger()
    yield ledger
    ledger.go_on.set()


def test_beyond_its_bulkhead_a_change_is_refused_and_reads_and_syncs_are_not(slow):
    app = create_app(make_services(slow, concurrency_api=2))
    threads = at_work(app, slow, 2)
    client = app.test_client()

    refused = adjust(client)

    assert (refused.status_code, refused.json["error"], refused.json["outcome"]) == (503, "overloaded", "none")
    assert refused.headers["Retry-After"] == "1"
    assert [client.get(path).status_code for path in READS] == [404, 200, 200, 200, 200, 200]
    assert client.post("/sync").status_code == 200
    assert client.get("/metrics").json["shed"] == 1
    slow.go_on.set()
    for thread in threads:
        thread.join(30)
    assert adjust(client).status_code == 404


def test_a_change_that_fails_leaves_the_bulkhead_too():
    ledger = FailingLedger(change=RuntimeError("a fault"))
    client = create_app(make_services(ledger, concurrency_api=1)).test_client()

    assert [adjust(client).status_code for _ in range(3)] == [500] * 3


@pytest.mark.parametrize(("busy", "status"), [(1, 503), (0, 404)])
def test_with_too_much_waiting_changes_are_shed_while_half_of_the_threads_are_at_work(slow, busy, status):
    services = make_services(slow, threads=4, load_shed_queue_max=10)
    app = create_app(services)
    at_work(app, slow, busy)
    services.shedder.watch(lambda: 11)
    client = app.test_client()
    if not busy:
        slow.go_on.set()

    answer = adjust(client)

    assert answer.status_code == status
    assert client.get("/metrics").json["shed"] == busy
    assert client.get("/health").status_code == client.get("/stores").status_code == 200


def test_with_too_many_changes_waiting_further_ones_are_shed_though_they_hold_no_thread(slow):
    app = create_app(make_services(slow, threads=4, load_shed_queue_max=10))
    slow.depth = 11
    slow.go_on.set()

    assert [adjust(app.test_client()).status_code for _ in range(4)] == [503, 404, 503, 404]


def test_what_waits_for_a_thread_counts_and_makes_the_service_not_ready(slow):
    services = make_services(slow, threads=1, load_shed_queue_max=10)
    services.shedder.watch(lambda: 11)
    client = create_app(services).test_client()

    readiness = client.get("/health/readiness")

    assert adjust(client).json["error"] == "overloaded"
    assert (readiness.status_code, readiness.json["queueDepth"]) == (503, 11)


def test_while_the_sync_is_overloaded_changes_are_carried_out():
    views = SlowViews()
    app = create_app(make_services(views=views, concurrency_sync=1))
    first = threading.Thread(target=lambda: app.test_client().post("/sync"))
    first.start()
    try:
        assert views.begun.wait(30)
        refused = run_parallel([lambda: app.test_client().post("/sync")] * 4, at_once=4)
        assert [(answer.status_code, answer.json["error"]) for answer in refused] == [(503, "overloaded")] * 4
        assert refused[0].headers["Retry-After"] == "1"
        assert app.test_client().put(RECORD, json={"onHand": 1}).status_code == 201
    finally:
        views.go_on.set()
        first.join(30)
    assert app.test_client().post("/sync").status_code == 200


def large_batch(sku: str, *, atomic: bool = True) -> dict[str, object]:
    """More than 16 KiB."""
    operation = {"op": "count", "storeId": "store-1", "sku": sku, "onHand": 1}
    return {"atomic": atomic, "operations": [operation] * 400}


@pytest.mark.parametrize("atomic", [True, False])
def test_an_eighth_of_the_threads_may_be_at_work_on_large_changes_and_small_ones_go_on(slow, atomic):
    app = create_app(make_services(slow, threads=16, rate_limit_rps=0))
    client = app.test_client()

    def send(sku: str):
        return app.test_client().post("/inventory/batch", json=large_batch(sku, atomic=atomic))

    threads = [threading.Thread(target=send, args=(f"many-{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert slow.begun.acquire(timeout=30)
    threads += at_work(app, slow, 3)

    refused = send("sku-1")

    assert (refused.status_code, refused.json["error"], refused.headers["Retry-After"]) == (503, "overloaded", "1")
    assert client.get("/metrics").json["shed"] == 1
    slow.go_on.set()
    for thread in threads:
        thread.join(30)
    assert send("sku-1").status_code == 200


def test_a_large_change_is_at_work_until_it_is_answered():
    services = make_services(threads=4, rate_limit_rps=0)
    body = json.dumps(large_batch("sku-1")).encode()
    environ = EnvironBuilder("/inventory/batch", method="POST", data=body, content_type="application/json")

    answering = create_app(services)(environ.get_environ(), lambda *_: None)
    waiting = services.bulk_changes.at_work
    list(answering)

    assert (waiting, services.changes.at_work, services.bulk_changes.at_work) == (1, 0, 0)


def test_a_large_change_is_refused_late_and_every_other_at_once():
    services = make_services(threads=4, rate_limit_rps=0, concurrency_api=2)
    app = create_app(services)

    def ask(body: dict[str, object]):
        sent = EnvironBuilder("/inventory/batch", method="POST", json=body)
        return app(sent.get_environ(), lambda *_: None)

    first = ask(large_batch("sku-1"))
    late = ask(large_batch("sku-1"))
    told = json.loads(b"".join(late))
    for _ in range(2):
        services.changes.enter()
    at_once = ask({"atomic": True, "operations": []})

    assert (type(late), told["error"]) == (LateRefusal, "overloaded")
    assert not isinstance(at_once, LateRefusal)
    list(first)
    assert services.bulk_changes.at_work == 0


def test_a_large_change_that_cannot_be_understood_leaves_its_bulkhead():
    client = create_app(make_services(threads=4, rate_limit_rps=0)).test_client()
    wrong = {"atomic": 1, "operations": [{}] * 10_000}

    assert [client.post("/inventory/batch", json=wrong).status_code for _ in range(3)] == [400] * 3
