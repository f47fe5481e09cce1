"""Counters over all workers, and one line in the log for each request."""

from collections import Counter

from system.client import adjust, record_path, stock
from system.waiting import until

TEXT = "text/plain; version=0.0.4"


def test_the_answer_of_any_worker_counts_the_requests_of_all(server):
    with server.clients_of_all() as clients:
        stock(clients[0], "sku-1", 10)
        before = [client.get("/metrics").json for client in clients][-1]
        for client in clients:
            for _ in range(10):
                client.get(record_path("sku-1"))
            assert adjust(client, "sku-1", -1, "key").status == 200
            assert adjust(client, "sku-1", -2, "key").status == 409
        # One more than was asked for: that of the question before, which was counted after it was answered.
        for asked, client in enumerate(clients, start=1):
            now = client.get("/metrics").json
            risen = {name: now[name] - before[name] for name in ("requests", "conflicts", "idempotentHits", "errors")}
            assert risen == {"requests": 24 + asked, "conflicts": 2, "idempotentHits": 1, "errors": 0}


def test_prometheus_text_and_json_tell_the_same_over_all_workers(server):
    with server.clients_of_all() as clients:
        for client in clients:
            for _ in range(5):
                assert client.get("/health").status == 200
        json_answer = clients[0].get("/metrics", Accept="application/json")
        text_answer = clients[1].get("/metrics", Accept=TEXT)
    assert json_answer.headers["content-type"].startswith("application/json")
    assert text_answer.headers["content-type"].startswith("text/plain")
    samples = [line for line in text_answer.body.decode().splitlines() if line.startswith("inventory_requests_total{")]
    assert samples
    assert all("sku" not in sample for sample in samples)
    assert sum(float(sample.rsplit(" ", 1)[1]) for sample in samples) == json_answer.json["requests"] + 1


def test_every_request_has_one_line_under_the_id_that_was_given(server):
    with server.clients_of_all() as clients:
        for worker, client in enumerate(clients):
            for number in range(20):
                answer = client.get(record_path("none"), X_Request_Id=f"request-{worker}-{number}")
                assert answer.headers["x-request-id"] == f"request-{worker}-{number}"
                assert answer.json["requestId"] == f"request-{worker}-{number}"
        made = clients[0].get("/health").headers["x-request-id"]
        replaced = clients[0].get("/health", X_Request_Id="two words").headers["x-request-id"]
    assert made != replaced != "two words"
    assert server.end() == 0
    lines = {line["requestId"]: line for line in server.log_lines() if line["logger"] == "inventory.request"}
    times = Counter(line["requestId"] for line in server.log_lines() if line["logger"] == "inventory.request")
    wanted = [f"request-{worker}-{number}" for worker in range(2) for number in range(20)]
    assert [times[name] for name in (*wanted, made, replaced)] == [1] * 42
    line = lines["request-1-7"]
    assert (line["method"], line["url"], line["status"]) == ("GET", record_path("none"), 404)
    assert line["durationMs"] >= 0


def test_lines_reach_the_log_while_the_server_runs(server):
    with server.client() as client:
        client.get("/health", X_Request_Id="soon")
    until("the line is there", lambda: any(line["requestId"] == "soon" for line in server.log_lines()), within=5)
