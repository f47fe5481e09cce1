"""Requests that few clients send and that are allowed: one answer each, and nothing has changed."""

import re

import pytest
from support.raw_http import BODY, GET, HOST, PATH, exchange

TAKEN = {
    "HTTP/1.0": (GET.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n", 1),
    "HTTP/1.0 without a host": (b"GET /health HTTP/1.0\r\n\r\n", 1),
    "a target with another host": (b"GET http://example.com" + PATH.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n", 1),
    "an offer to speak something else": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 1),
    "an offer to speak HTTP/2": (
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n\r\n",
        1,
    ),
    "HEAD, whose answer has a length and no body": (GET.replace(b"GET", b"HEAD", 1) + b"\r\n", 1),
    "many at once": ((GET + b"\r\n") * 50, 50),
    "a read with a body, and another read": (GET + b"Content-Length: 12\r\n\r\n" + BODY + GET + b"\r\n", 2),
}


@pytest.mark.parametrize(("sent", "answers"), TAKEN.values(), ids=TAKEN)
def test_what_is_unusual_and_allowed_is_answered_once_each(unharmed, sent, answers):
    received = exchange(unharmed.port, sent)
    assert re.findall(rb"HTTP/1\.[01] (\d+) ", received) == [b"200"] * answers
