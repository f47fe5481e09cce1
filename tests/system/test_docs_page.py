"""``/docs`` in a real browser: directly from the server, and behind nginx."""

import json
from pathlib import Path

import pytest
from support.browser import NEEDS_CHROMIUM, show
from support.running_nginx import NEEDS_NGINX, Proxy
from support.running_server import RunningServer

METHODS = ("get", "put", "post", "delete", "patch")
TRY = 'class="btn try-out__btn"'


@pytest.fixture(params=["straight", pytest.param("nginx", marks=NEEDS_NGINX)])
def port(request: pytest.FixtureRequest, lasting_server: RunningServer, proxy: Proxy) -> int:
    """Where the browser finds the server."""
    return lasting_server.port if request.param == "straight" else proxy(lasting_server.port).port


def operations(server: RunningServer) -> list[tuple[str, str]]:
    """Method and place on the page of every operation."""
    with server.client() as client:
        paths = json.loads(client.get("/openapi.json").body)["paths"]
    found = [(method, item[method]) for item in paths.values() for method in METHODS if method in item]
    return [(method, f"#/{operation['tags'][0]}/{operation['operationId']}") for method, operation in found]


@NEEDS_CHROMIUM
def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    lasting_server: RunningServer, port: int, tmp_path: Path
):
    page = show(f"http://127.0.0.1:{port}/docs", tmp_path)

    # The console would have whatever the policy of the page forbids, and every error of a script.
    assert page.console == []
    assert page.html.count('class="opblock-summary-path"') == len(operations(lasting_server))


@NEEDS_CHROMIUM
def test_only_reads_can_be_tried_out(lasting_server: RunningServer, port: int, tmp_path: Path):
    places = dict(reversed(operations(lasting_server)))

    shown = {method: show(f"http://127.0.0.1:{port}/docs{place}", tmp_path).html for method, place in places.items()}

    assert {method: TRY in html for method, html in shown.items()} == {"get": True, "put": False, "post": False}
    assert all('class="opblock-body"' in html for html in shown.values())
