"""Behind nginx, with the configuration of the documents: slow clients, limits, addresses, ids, and its own answers."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.raw_http import BODY, CHUNKED, GET, HOST, PATH, POST, all_of, chunk, declared, exchange
from support.running_nginx import NEEDS_NGINX, Proxy, RunningNginx
from support.running_server import RunningServer
from support.waiting import until

pytestmark = NEEDS_NGINX
SOON = {f"client_{part}_timeout 10s;": f"client_{part}_timeout 1s;" for part in ("header", "body")}


def problem(received: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head, received
    told = json.loads(body)
    assert f"X-Request-Id: {told['requestId']}".encode() in head
    assert told["status"] == int(head.split()[1])
    assert {"type", "title", "detail", "message"} <= set(told)
    return told["status"], told


def test_the_configuration_is_one_that_nginx_takes_without_a_warning(tmp_path: Path):
    checked = RunningNginx(tmp_path, 3000).check()
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


@pytest.mark.parametrize("sent", [POST + b"Content-Le", declared(BODY[:5], len(BODY)), CHUNKED + b"c\r\n" + BODY[:5]])
def test_clients_that_stall_at_the_proxy_reach_no_thread_and_keep_no_client_waiting(
    lasting_server: RunningServer, proxy: Proxy, sent: bytes
):
    nginx = proxy(lasting_server.port, SOON)
    with ExitStack() as stack:
        stalled = [stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), 20)) for _ in range(80)]
        for connection in stalled:
            connection.sendall(sent)
        with nginx.client(timeout=4) as client:
            assert client.get("/health", X_Request_Id="beside-the-stalled").status == 200
        # Ended by nginx, with a reset or an end, when their time is over.
        for connection in stalled:
            all_of(connection)
    until("that request is logged", lambda: "beside-the-stalled" in lasting_server.stdout.read_text())
    assert not [line for line in lasting_server.log_lines() if line["method"] == "POST"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (declared(b"x" * 65_537), 413, "payload_too_large"),
        (CHUNKED + chunk(b"x" * 65_537) + b"0\r\n\r\n", 413, "payload_too_large"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "uri_too_long"),
        (GET + b"X-Large: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"nonsense\r\n\r\n", 400, "malformed_request"),
        (b"GET /health HTTP/1.1\r\n\r\n", 400, "malformed_request"),
        (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(BODY), 400, "malformed_request"),
        (POST + b"Content-Length: 12\r\nContent-Length: 5\r\n\r\n" + BODY, 400, "malformed_request"),
        (b"GET /health HTTP/2.0\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"TRACE /health HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method_not_allowed"),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "not_implemented"),
    ],
    ids=[
        *("long", "long-chunks", "line", "header", "nonsense", "no-host", "length-and-chunks", "two-lengths"),
        *("version", "trace", "coding"),
    ],
)
def test_what_the_proxy_refuses_it_tells_as_the_service_does(proxy: Proxy, sent: bytes, status: int, code: str):
    nothing_behind_it = free_port()
    answered, told = problem(exchange(proxy(nothing_behind_it).port, sent))
    assert (answered, told["error"]) == (status, code)


@pytest.mark.parametrize(("method", "outcome"), [("POST", "unknown"), ("PUT", "unknown"), ("GET", "none")])
def test_without_a_service_a_change_is_503_with_an_unknown_outcome(proxy: Proxy, method: str, outcome: str):
    with proxy(free_port()).client() as client:
        told = client.request(method, PATH, None if method == "GET" else {"onHand": 1})
    assert (told.status, told.json["error"], told.json.get("outcome")) == (503, "no_answer", outcome)
    assert told.headers["content-type"] == "application/problem+json"
    assert (told.headers["retry-after"], told.headers["x-request-id"]) == ("1", told.json["requestId"])


def test_a_service_that_does_not_answer_in_time_is_503_with_an_unknown_outcome(proxy: Proxy):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nginx = proxy(silent.getsockname()[1], {"proxy_read_timeout 30s;": "proxy_read_timeout 1s;"})
        with nginx.client() as client:
            told = client.post(f"{PATH}/adjust", {"delta": 1})
    assert (told.status, told.json["error"], told.json["outcome"]) == (503, "no_answer", "unknown")


@pytest.mark.parametrize("given", ["till-7/42", None, "x" * 129, 'a"b'])
def test_a_request_has_one_id_at_the_client_the_proxy_and_the_service(
    lasting_server: RunningServer, proxy: Proxy, given: str | None
):
    nginx = proxy(lasting_server.port)
    with nginx.client() as client:
        answer = client.get("/stores", **({} if given is None else {"X_Request_Id": given}))
    shown = answer.headers["x-request-id"]
    assert (shown == given) is (given == "till-7/42")
    until("nginx has logged it", lambda: shown in nginx.log())
    until("the service has logged it", lambda: shown in lasting_server.stdout.read_text())


def test_the_limit_is_for_the_client_and_not_for_the_proxy_or_whom_the_client_names(serve, proxy: Proxy):
    server = serve(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=5, TRUSTED_PROXIES="127.0.0.1")
    nginx = proxy(server.port)

    def statuses(source: str) -> list[int]:
        found = []
        for number in range(12):
            with socket.create_connection(("127.0.0.1", nginx.port), 10, (source, 0)) as connection:
                forged = b"X-Forwarded-For: 192.0.2.%d\r\nConnection: close\r\nContent-Length: 12\r\n\r\n" % number
                connection.sendall(POST + forged + BODY)
                found.append(int(connection.recv(65536).split()[1]))
        return found

    greedy, other = statuses("127.0.0.2"), statuses("127.0.0.3")
    assert 429 in greedy
    # The other client has a bucket of its own, and it is full.
    assert other[:5] == [404] * 5


def test_the_log_line_of_a_request_has_a_bound_whatever_the_client_sends(lasting_server: RunningServer, proxy: Proxy):
    nginx = proxy(lasting_server.port)
    with nginx.client() as client:
        assert client.get("/" + "%22" * 1000, X_Request_Id="x" * 128).status == 404
    until("it is logged", lambda: "%22%22" in nginx.log())
    assert max(len(line) for line in nginx.log().splitlines()) < 600


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        (POST, "none"),
        (POST + b"Idempotency-Key: sale-1\r\n", "unknown"),
        (GET, "none"),
    ],
    ids=["without a key", "keyed", "read"],
)
def test_what_the_proxy_refuses_for_too_many_requests_is_certain_only_without_a_key(
    proxy: Proxy, head: bytes, outcome: str
):
    # Each client address may have one request at work; the silent service keeps it there.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nginx = proxy(silent.getsockname()[1], {"limit_conn clients 100;": "limit_conn clients 1;"})
        with socket.create_connection(("127.0.0.1", nginx.port), 10) as first:
            first.sendall(GET + b"\r\n")
            silent.settimeout(10)
            # It has been passed on, so it is at work.
            with silent.accept()[0]:
                status, told = problem(exchange(nginx.port, head + b"Content-Length: 0\r\nConnection: close\r\n\r\n"))
    assert (status, told["error"], told["outcome"], told["retryAfterMs"]) == (429, "rate_limited", outcome, 1000)
