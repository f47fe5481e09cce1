"""What gunicorn's parser refuses is answered as everything else is: with a problem body and a request id."""

import json

import pytest
from support.raw_http import GET, HOST, exchange
from support.running_server import RunningServer


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01 hello\r\n\r\n", 400, "malformed_request"),
        (GET + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "uri_too_long"),
        (GET + b"Content-Length: -5\r\n\r\n", 400, "malformed_request"),
    ],
)
def test_a_request_that_the_parser_refuses_gets_a_problem_with_a_request_id(
    lasting_server: RunningServer, request_bytes: bytes, status: int, code: str
):
    head, _, body = exchange(lasting_server.port, request_bytes).partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert (problem["status"], problem["error"]) == (status, code)
    assert f"X-Request-Id: {problem['requestId']}".encode() in head
