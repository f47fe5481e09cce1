"""Heads of requests, and the answer that RFC 9112 and RFC 9110 require for each."""

import json
import re
from typing import NamedTuple

import pytest
from support.raw_http import HOST, JSON, PATH, chunk, exchange
from support.running_server import RunningServer

ADJUST = b"POST " + PATH.encode() + b"/adjust HTTP/1.1\r\n" + HOST + JSON
BODY = chunk(b'{"delta":-1}') + b"0\r\n\r\n"
ANOTHER = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"


class Case(NamedTuple):
    """:ivar status: of the first answer; :ivar closes: whether it says that the connection closes."""

    sent: bytes
    status: int
    closes: bool
    code: str | None = None


def get(
    target: bytes = b"/health", version: bytes = b"HTTP/1.1", headers: bytes = HOST, method: bytes = b"GET"
) -> bytes:
    return method + b" " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def coded(*codings: bytes, more: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    fields = b"".join(b"Transfer-Encoding: " + coding + b"\r\n" for coding in codings)
    return ADJUST.replace(b"HTTP/1.1", version) + fields + more + b"\r\n" + BODY


MALFORMED, NOT_THERE = "malformed_request", "not_implemented"
CASES = {
    # Versions: RFC 9110 section 2.5, 6.2.
    "HTTP/1.1": Case(get(), 200, closes=False),
    "HTTP/1.9 counts as 1.1": Case(get(version=b"HTTP/1.9"), 200, closes=False),
    "HTTP/1.9 without Host": Case(get(version=b"HTTP/1.9", headers=b""), 400, True, MALFORMED),
    "HTTP/1.2 without Host": Case(get(version=b"HTTP/1.2", headers=b""), 400, True, MALFORMED),
    "HTTP/1.0 without Host": Case(get(version=b"HTTP/1.0", headers=b""), 200, closes=True),
    "HTTP/1.0 that is kept": Case(get(version=b"HTTP/1.0", headers=b"Connection: keep-alive\r\n"), 200, closes=False),
    "HTTP/2.0": Case(get(version=b"HTTP/2.0"), 400, True, MALFORMED),
    "HTTP/0.9": Case(get(version=b"HTTP/0.9"), 400, True, MALFORMED),
    "HTTP/1.10": Case(get(version=b"HTTP/1.10"), 400, True, MALFORMED),
    "http/1.1": Case(get(version=b"http/1.1"), 400, True, MALFORMED),
    "no version": Case(b"GET /health\r\n" + HOST + b"\r\n", 400, True, MALFORMED),
    # Host: RFC 9112 section 3.2; an empty one is not valid for http, RFC 9110 section 4.2.1.
    "no Host": Case(get(headers=b""), 400, True, MALFORMED),
    "an empty Host": Case(get(headers=b"Host:\r\n"), 400, True, MALFORMED),
    "two Hosts": Case(get(headers=HOST * 2), 400, True, MALFORMED),
    "a Host with a path": Case(get(headers=b"Host: a/b\r\n"), 400, True, MALFORMED),
    "a Host with a user": Case(get(headers=b"Host: me@a\r\n"), 400, True, MALFORMED),
    "a list of Hosts": Case(get(headers=b"Host: a, b\r\n"), 400, True, MALFORMED),
    "a Host with a wrong port": Case(get(headers=b"Host: a:b\r\n"), 400, True, MALFORMED),
    "a Host with a port": Case(get(headers=b"Host: a.example:8080\r\n"), 200, closes=False),
    "a Host of IPv6": Case(get(headers=b"Host: [::1]:8080\r\n"), 200, closes=False),
    # Transfer codings: RFC 9112 section 6.1, 6.3, 7.
    "chunked": Case(coded(b"chunked"), 404, closes=False),
    "Chunked": Case(coded(b"Chunked"), 404, closes=False),
    "gzip, chunked": Case(coded(b"gzip, chunked"), 501, True, NOT_THERE),
    "gzip and chunked in two lines": Case(coded(b"gzip", b"chunked"), 501, True, NOT_THERE),
    "deflate, chunked": Case(coded(b"deflate, chunked"), 501, True, NOT_THERE),
    "identity, chunked": Case(coded(b"identity, chunked"), 501, True, NOT_THERE),
    "rot13": Case(coded(b"rot13"), 501, True, NOT_THERE),
    "chunked;a=b": Case(coded(b"chunked;a=b"), 501, True, NOT_THERE),
    "chunked, chunked": Case(coded(b"chunked, chunked"), 400, True, MALFORMED),
    "chunked in two lines": Case(coded(b"chunked", b"chunked"), 400, True, MALFORMED),
    "chunked, gzip": Case(coded(b"chunked, gzip"), 400, True, MALFORMED),
    "gzip": Case(coded(b"gzip"), 400, True, MALFORMED),
    "identity": Case(coded(b"identity"), 400, True, MALFORMED),
    "chunked and a length": Case(coded(b"chunked", more=b"Content-Length: 5\r\n"), 400, True, MALFORMED),
    "chunked in HTTP/1.0": Case(coded(b"chunked", version=b"HTTP/1.0"), 400, True, MALFORMED),
    "chunked in HTTP/1.9": Case(coded(b"chunked", version=b"HTTP/1.9"), 404, closes=False),
    # Targets: RFC 9112 section 3.2, and CONNECT: RFC 9110 section 9.3.6.
    "an absolute target": Case(get(b"http://example.com/health"), 200, closes=False),
    "an absolute target of https": Case(get(b"HTTPS://example.com:1/health?a"), 200, closes=False),
    "an absolute target without a path": Case(get(b"http://example.com"), 404, closes=False),
    "an absolute target without a host": Case(get(b"http:///health"), 400, True, MALFORMED),
    "an absolute target with a user": Case(get(b"http://me@example.com/health"), 400, True, MALFORMED),
    "a target of another scheme": Case(get(b"ftp://example.com/health"), 400, True, MALFORMED),
    "a target that only holds ://": Case(get(b"health?u=http://example.com"), 400, True, MALFORMED),
    "a target without a slash": Case(get(b"health"), 400, True, MALFORMED),
    "a fragment": Case(get(b"/health#a"), 400, True, MALFORMED),
    "an empty fragment": Case(get(b"/health#"), 400, True, MALFORMED),
    "a fragment in an absolute target": Case(get(b"http://example.com/health#a"), 400, True, MALFORMED),
    "OPTIONS *": Case(get(b"*", method=b"OPTIONS"), 404, closes=False),
    "GET *": Case(get(b"*"), 400, True, MALFORMED),
    "CONNECT": Case(get(b"example.com:443", method=b"CONNECT"), 501, True, NOT_THERE),
    "CONNECT to a path": Case(get(b"/health", method=b"CONNECT"), 405, closes=True),
    "a space in the target": Case(get(b"/health x"), 400, True, MALFORMED),
    "two spaces": Case(get(b" /health"), 400, True, MALFORMED),
    # The option `close` in a list: RFC 9112 section 9.6.
    "close": Case(get(headers=HOST + b"Connection: close\r\n"), 200, closes=True),
    "close in a list": Case(get(headers=HOST + b"Connection: TE , Close\r\n"), 200, closes=True),
    "close in a second line": Case(get(headers=HOST + b"Connection: TE\r\nConnection: close\r\n"), 200, closes=True),
    "keep-alive": Case(get(headers=HOST + b"Connection: keep-alive\r\n"), 200, closes=False),
    # Fields with a status of their own.
    "an unknown expectation": Case(get(headers=HOST + b"Expect: x\r\n"), 417, True, "expectation_failed"),
    "a long line": Case(get(b"/" + b"x" * 5000), 414, True, "uri_too_long"),
    "a long field": Case(get(headers=HOST + b"X: " + b"x" * 9000 + b"\r\n"), 431, True, "headers_too_large"),
}
PHRASES = {
    400: "Bad Request",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_head_is_answered_as_the_rfcs_want(lasting_server: RunningServer, case: Case):
    received = exchange(lasting_server.port, case.sent + ANOTHER)
    head, _, body = received.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == case.status, received
    assert (b"Connection: close" in head) is case.closes
    # What closes answers nothing more, and what is kept answers the request that follows.
    answers = re.findall(rb"HTTP/(\S+) \d+ ", received)
    assert answers == [b"1.1"] * (1 if case.closes else 2)
    if case.code is not None:
        problem = json.loads(body)
        phrase = PHRASES[case.status]
        assert (problem["error"], problem["title"]) == (case.code, phrase)
        assert head.startswith(f"HTTP/1.1 {case.status} {phrase}\r\n".encode())
