"""An answer before the body was read, whatever its status: what follows the head is no part of the next request."""

from typing import Any

import pytest
from system.early_answers import BROKEN, FRAMINGS, Framing, assert_one_answer, told
from worker.deferring import Deferring

ALL = FRAMINGS | BROKEN
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(params=["401 UNAUTHORIZED", "429 TOO MANY REQUESTS", "503 SERVICE UNAVAILABLE"])
def refusing(deferring: Deferring, request: pytest.FixtureRequest) -> Deferring:
    """A worker whose application refuses every POST for its head."""
    usual = deferring.worker.wsgi

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] != "POST":
            return usual(environ, start_response)
        start_response(request.param, [("Content-Length", "2")])
        return [b"no"]

    deferring.worker.wsgi = app
    deferring.start()
    return deferring


@pytest.mark.parametrize("framing", ALL.values(), ids=ALL)
def test_the_answer_is_the_only_one_and_says_what_becomes_of_the_connection(
    refusing: Deferring, framing: Framing, request: pytest.FixtureRequest
) -> None:
    status = int(request.node.callspec.params["refusing"][:3])
    assert_one_answer(told(refusing.address[1], HEAD, framing), status)
