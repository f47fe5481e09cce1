"""nginx and the service agree on every path: its limits, and its view."""

import json
from typing import Any

import pytest
from support.client import stock
from support.raw_http import HOST, JSON, PATH, exchange
from support.running_nginx import NEEDS_NGINX, Proxy, RunningNginx
from support.running_server import RunningServer

from inventory.web.request_body import MAX_BODY_BYTES, MAX_LIST_BYTES

pytestmark = NEEDS_NGINX

PATHS = [
    "/inventory/batch",
    "/inventory/batch?a=b",
    "/inventory/batch/",
    "/inventory/batch/..",
    "//inventory/batch",
    "/inventory//batch",
    "/inventory/./batch",
    "/inventory/%2E/batch",
    "/inventory/x/../batch",
    "/inventory/x/%2e%2E/batch",
    "/inventor%79/batch",
    "/inventory%2Fbatch",
    "/Inventory/batch",
    "/reservations",
    "/reservations/none/commit",
    "/reservations/../stores",
    "/%72eservations",
    "/stores/../reservations",
    "/transfers",
    "/transfers/../stores",
    "//transfers",
    "/./transfers",
    "/t%72ansfers",
    "/stores",
    "/stores/",
    "//stores",
    "/stores/store-1%2Finventory/sku-1",
    "/health",
    "/health/readiness",
    "/health/readiness?a=b",
    "/health//readiness",
    "/health/%72eadiness",
    "/audit//verify",
    "/audit/verify/",
    "/many-lines",
    "/any",
    "/audit",
    "/readiness",
    "/problems/rate_limited",
    "/problems/none",
    "/problems/..",
    "/problems//not_found",
    "/capabilities",
    "/capabilities/",
    "/openapi.json",
    "/openapi%2Ejson",
    "/docs/",
    "/docs/../stores",
    PATH,
    PATH.replace("sku-1", "%73ku-1"),
    PATH.replace("sku-1", "sku%2F1"),
    PATH + "/",
    "/?/transfers",
    "/#/transfers",
    "http://example.com/transfers",
    "http://example.com",
    "http://example.com?/transfers",
    "/..",
    "/%2e%2e/transfers",
    "/%00",
    "/%zz",
]
"""As sent in the request line."""


@pytest.fixture(scope="module")
def nginx(lasting_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with lasting_server.client() as client:
        if client.get(PATH).status == 404:
            stock(client, "sku-1", 100)
    proxy = RunningNginx(tmp_path_factory.mktemp("nginx"), lasting_server.port)
    try:
        yield proxy.start()
    finally:
        proxy.close()


def told(port: int, method: bytes, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    head = method + b" " + path.encode() + b" HTTP/1.1\r\n" + HOST + JSON + b"Connection: close\r\n"
    # Not a half-closed connection, which nginx takes for a client that has gone.
    received = exchange(port, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, half_close=False)
    answer, _, content = received.partition(b"\r\n\r\n")
    return int(answer.split()[1]), json.loads(content)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("method", "size"),
    [
        (b"GET", 0),
        (b"POST", 10),
        (b"POST", MAX_BODY_BYTES),
        (b"POST", MAX_BODY_BYTES + 1),
        (b"POST", MAX_LIST_BYTES + 1),
    ],
)
def test_a_path_has_the_same_limits_and_leads_to_the_same_as_in_the_service(
    lasting_server: RunningServer, nginx: RunningNginx, path: str, method: bytes, size: int
):
    behind, problem = told(nginx.port, method, path, b"x" * size)
    status, own = told(lasting_server.port, method, path, b"x" * size)
    if "malformed_request" in (problem.get("error"), own.get("error")):
        # One of the two does not take it for a path at all: then it must lead to nothing in the other either.
        assert 400 <= status < 500
        assert 400 <= behind < 500
    else:
        assert (behind, problem.get("error"), problem.get("limit")) == (status, own.get("error"), own.get("limit"))


def test_a_client_of_http_1_0_needs_no_host_behind_the_proxy_either(lasting_server: RunningServer, proxy: Proxy):
    received = exchange(proxy(lasting_server.port).port, b"GET /health HTTP/1.0\r\n\r\n", half_close=False)
    assert received.split()[1] == b"200"
