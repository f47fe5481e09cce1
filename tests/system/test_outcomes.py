"""A real server never denies a change that happened, and a retry waits for the first attempt."""

import fcntl
from concurrent.futures import ThreadPoolExecutor

from support.client import Client, adjust, record_path, stock
from support.running_server import RunningServer, Serve, assert_whole
from support.waiting import until

SALE = "sale-1"


def after_a_failed_sync(serve: Serve) -> tuple[RunningServer, Client]:
    """A server of which the fifth sync of one worker has failed, with the sale in it; and a client of that worker."""
    server = serve(FAILPOINTS="before-sync=fail:EIO@5")
    client = server.client_of(server.workers()[0])
    for number in range(4):
        stock(client, f"sku-{number}", 10)
    assert (answer := adjust(client, "sku-0", -1, SALE)).json["outcome"] == "unknown", answer
    return server, client


def test_a_sale_whose_flush_has_failed_is_never_denied_and_is_there_after_a_start(serve: Serve):
    server, client = after_a_failed_sync(serve)
    with client, server.clients_of_all() as clients:
        for each in (client, *clients):
            again, other = adjust(each, "sku-0", -1, SALE), adjust(each, "sku-1", -1, "sale-2")
            assert (again.status, again.json["error"], again.json["outcome"]) == (503, "needs_operator", "unknown")
            assert (other.status, other.json["error"], other.json["outcome"]) == (503, "needs_operator", "none")
            assert (again.headers["retry-after"], again.json["retryAfterMs"]) == ("30", 30_000)
            readiness = each.get("/health/readiness")
            assert readiness.status == 503
            assert readiness.json["operatorAction"] == again.json["operatorAction"]
            assert each.get("/metrics").json["needsOperator"] == 1
    assert server.end() == 0

    second = serve()

    with second.client() as client:
        assert client.get(record_path("sku-0")).json["qty"] == 9
        replay = adjust(client, "sku-0", -1, SALE)
        assert (replay.status, replay.replayed, replay.json["qty"]) == (200, True, 9)
        assert client.get(record_path("sku-1")).json["qty"] == 10
    assert_whole(second.data_dir)


def test_after_a_failed_sync_reads_go_on_up_to_what_is_durable_and_say_so(serve: Serve):
    server, client = after_a_failed_sync(serve)
    there = ["/events", "/stores", "/inventory/sku-1", "/central/inventory/sku-1", "/reservations"]
    there += ["/stores/store-1/inventory?prefix=sku-1", f"{record_path('sku-0')}/history"]
    with client, server.clients_of_all() as clients:
        for each in (client, *clients):
            for path in there:
                answer = each.get(path)
                assert (path, answer.status) == (path, 200)
                assert answer.json["asOfSequence"] == (1 if path.endswith("history") else 4)
                assert answer.headers["withheld-after"] == str(answer.json["asOfSequence"])
            assert [event["sequence"] for event in each.get("/events").json["items"]] == [1, 2, 3, 4]
            assert each.get(f"{record_path('sku-0')}?asOfSequence=4").json["qty"] == 10
            assert each.get(record_path("sku-1")).json["qty"] == 10
            assert each.get("/dead-letters").status == 200
            for path in ("/inventory/sku-0", "/stores/store-1/inventory", record_path("sku-0"), "/events?after=5"):
                refused = each.get(path)
                assert (path, refused.status, refused.json["error"]) == (path, 503, "needs_operator")
                assert refused.json["outcome"] == "none"
    assert server.end() == 0

    second = serve()

    told = second.get("/events")
    assert (len(told["items"]), told["asOfSequence"]) == (5, 5)


def test_with_leases_a_retry_on_any_worker_waits_for_the_first_attempt_and_gets_its_answer(serve: Serve):
    server = serve(LOCKS_ENABLED="true", COMMIT_WAIT_MS=20_000, LOCK_TTL_MS=30_000)
    with server.clients_of_all() as clients, server.clients_of_all() as more, ThreadPoolExecutor(4) as pool:
        stock(clients[0], "sku-1", 10)
        locks = server.data_dir / "locks"
        with (locks / "append").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            first = pool.submit(adjust, clients[0], "sku-1", -1, SALE)
            until("the first attempt has the lease", lambda: list(locks.glob("*.lease")))
            others = [pool.submit(adjust, client, "sku-1", -1, SALE) for client in more]
            conflict = pool.submit(adjust, clients[1], "sku-1", -2, SALE)
        answers = [first.result(), *[other.result() for other in others]]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    refused = conflict.result()
    assert (refused.status, refused.json["error"]) == (409, "idempotency_conflict")
    assert server.get("/metrics")["lockContended"] == 0
