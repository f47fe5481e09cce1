"""Counters over all workers, and one line in the log for each request."""

import json
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from support.client import adjust, record_path, stock
from support.raw_http import HOST, exchange
from support.waiting import until

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


def test_every_worker_tells_the_memory_of_each_as_the_kernel_counts_it(server):
    with server.clients_of_all() as clients:
        for client in clients:
            told = client.get("/metrics").json["workerMemoryBytes"]
            assert sorted(map(int, told)) == sorted(server.workers())
            for process, memory in told.items():
                status = Path(f"/proc/{process}/status").read_text()
                kernels = 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
                assert memory == pytest.approx(kernels, rel=0.1)
    gone = server.workers()[0]
    os.kill(gone, signal.SIGKILL)
    server.until_replaced(gone)
    with server.client() as client:
        until(
            "the one that has ended is no longer told, and the new one is",
            lambda: sorted(map(int, client.get("/metrics").json["workerMemoryBytes"])) == sorted(server.workers()),
            within=20,
        )


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
    until("the line is there", lambda: any(line["requestId"] == "soon" for line in server.log_lines()))


def test_of_warnings_that_clients_cause_a_few_are_written_and_the_others_counted(serve):
    server = serve()
    many = 200
    for _ in range(many):
        assert exchange(server.port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    with server.client() as client:
        counted = client.get("/metrics").json["logLinesLeftOut"]
    server.end()
    lines = [json.loads(line) for line in server.stderr.read_text().splitlines() if line.startswith("{")]
    warnings = [line for line in lines if line["level"] == "WARNING"]
    written = [line for line in warnings if "leftOut" not in line]
    assert all("Invalid request" in line["message"] for line in warnings)
    assert sum(line["leftOut"] for line in warnings if "leftOut" in line) == counted == many - len(written)
    assert counted > 0


def test_the_log_line_of_a_request_has_a_bound_whatever_the_client_sends(lasting_server):
    heads = [b"GET /" + b"x" * 3000, b"GET /" + b'"' * 3000, b"BREWCOFFEEBREWCOFFEE /" + b"%2F" * 1300]
    for number, head in enumerate(heads):
        request_id = b'"' * 120 + b"-long-%d" % number
        sent = head + b" HTTP/1.1\r\n" + HOST + b"X-Request-Id: " + request_id + b"\r\nContent-Length: 0\r\n\r\n"
        assert exchange(lasting_server.port, sent).startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 405 "))
    until("they are logged", lambda: lasting_server.stdout.read_text().count("-long-") == len(heads))
    for line in lasting_server.stdout.read_text().splitlines():
        assert len(line.encode()) <= 1100
