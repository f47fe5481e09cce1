"""nginx refuses no request for its size or its duration that the service accepts."""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from support.client import Answer
from support.ports import free_port
from support.running_nginx import CONFIGURATION, NEEDS_NGINX, Proxy
from support.running_server import RunningServer

from inventory.web.request_body import MAX_BODY_BYTES, MAX_LIST_BYTES
from inventory.wiring.build import SECONDS

pytestmark = NEEDS_NGINX
LISTS = ["/inventory/batch", "/reservations", "/reservations/none/commit", "/reservations/none/release", "/transfers"]


def adjusts(size: int) -> dict[str, Any]:
    """A batch of 1,000 operations whose body has at least so many bytes."""
    operation = {"op": "adjust", "storeId": "store-1", "sku": "sku-1", "delta": 1}
    return {"atomic": False, "operations": [{**operation, "reason": "x" * (size // 1000)}] * 1000}


@pytest.mark.parametrize("path", LISTS)
def test_a_body_of_many_lines_may_be_as_long_as_in_the_service(proxy: Proxy, path: str):
    nothing_behind_it = free_port()
    with proxy(nothing_behind_it).client() as client:
        # Taken: it is the service that does not answer.
        assert client.post(path, "x" * (MAX_LIST_BYTES - 2)).json["error"] == "no_answer"
        refused = client.post(path, "x" * (MAX_LIST_BYTES - 1))
    assert (refused.status, refused.json["error"], refused.json["limit"]) == (413, "payload_too_large", MAX_LIST_BYTES)


@pytest.mark.parametrize("path", ["/stores/a/inventory/b/adjust", "/sync", "/inventory/b"])
def test_any_other_body_may_be_as_long_as_in_the_service(proxy: Proxy, path: str):
    nothing_behind_it = free_port()
    with proxy(nothing_behind_it).client() as client:
        assert client.post(path, "x" * (MAX_BODY_BYTES - 2)).json["error"] == "no_answer"
        refused = client.post(path, "x" * (MAX_BODY_BYTES - 1))
    assert (refused.status, refused.json["error"], refused.json["limit"]) == (413, "payload_too_large", MAX_BODY_BYTES)


def test_a_long_batch_is_carried_out_behind_the_proxy(lasting_server: RunningServer, proxy: Proxy):
    with proxy(lasting_server.port).client() as client:
        answer = client.post("/inventory/batch", adjusts(100_000))
    assert (answer.status, len(answer.json["results"])) == (200, 1000)


class Silent:
    """A service that answers nothing until it is told to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[Silent]:
    service = Silent()
    with service.listener:
        yield service


def test_an_audit_is_waited_for_while_others_have_been_given_up(proxy: Proxy, silent: Silent):
    nginx = proxy(silent.port, {"proxy_read_timeout 30s;": "proxy_read_timeout 1s;"})
    answers: list[Answer] = []

    def audit() -> None:
        with nginx.client() as client:
            answers.append(client.get("/audit/verify"))

    asking = threading.Thread(target=audit, daemon=True)
    asking.start()
    connection, _ = silent.listener.accept()
    with connection, nginx.client() as client:
        assert connection.recv(65536).startswith(b"GET /audit/verify ")
        assert client.get("/stores").status == 503
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        asking.join(20)
    assert [answer.status for answer in answers] == [200]


def test_an_audit_is_waited_for_longer_than_it_may_take():
    told = re.search(r"location = /audit \{[^}]*proxy_read_timeout (\d+)s;", CONFIGURATION.read_text())
    assert told is not None
    assert int(told[1]) > SECONDS
