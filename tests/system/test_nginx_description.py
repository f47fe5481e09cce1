"""What the server shows of itself arrives unchanged behind nginx, at the same paths."""

import json

import pytest
from support.client import Answer
from support.running_nginx import NEEDS_NGINX, Proxy
from support.running_server import RunningServer

from inventory.web.api_description import FILES
from inventory.web.error_codes import CODES

pytestmark = NEEDS_NGINX
OF_REQUEST = {"date", "server", "connection", "keep-alive", "x-request-id"}


def kept(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What of an answer does not depend on the request, or on who passes it on."""
    return answer.status, {name: value for name, value in answer.headers.items() if name not in OF_REQUEST}, answer.body


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_every_file_and_every_code_arrives_as_the_server_sends_it(
    lasting_server: RunningServer, proxy: Proxy, accept: str
):
    with lasting_server.client() as server, proxy(lasting_server.port).client() as behind:
        for path in (*FILES, *(f"/problems/{code}" for code in CODES)):
            for method in ("GET", "HEAD"):
                sent = kept(server.request(method, path, Accept=accept))
                assert kept(behind.request(method, path, Accept=accept)) == sent, (method, path)
                assert sent[0] == 200


def test_what_a_client_has_already_is_not_sent_again(lasting_server: RunningServer, proxy: Proxy):
    with proxy(lasting_server.port).client() as behind:
        for path in FILES:
            tag = behind.get(path).headers["etag"]
            answer = behind.get(path, If_None_Match=tag)
            assert (answer.status, answer.body) == (304, b"")


def test_capabilities_tell_the_same_ledger_behind_the_proxy(lasting_server: RunningServer, proxy: Proxy):
    with lasting_server.client() as server, proxy(lasting_server.port).client() as behind:
        told, own = (json.loads(client.get("/capabilities").body) for client in (behind, server))

    assert {**told, "serverTimeMs": 0} == {**own, "serverTimeMs": 0}
    assert told["engine"] == "files"
