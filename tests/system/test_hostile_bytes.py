"""Bytes that no usual client sends: one answer for each if they are allowed, else a 4xx or a closed connection."""

import json
import re

import pytest
from support.raw_http import BODY, CHUNKED, GET, HOST, PATH, POST, chunk, declared, exchange
from support.running_server import RunningServer

LIMIT = 64 * 1024
SMUGGLED = POST + b"Content-Length: 12\r\n\r\n" + BODY


WHOLE = chunk(BODY) + b"0\r\n\r\n"

REFUSED = {
    "a header that is too large": GET + b"X-Large: " + b"x" * 9000 + b"\r\n\r\n",
    "too many headers": GET + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n",
    "a request line that is too long": b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a request without a host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "lines that end without a carriage return": b"GET /health HTTP/1.1\nHost: a\n\n",
    "empty lines without an end": b"\r\n" * 100_000,
    "a folded header line": GET + b"X-Folded: one\r\n two\r\n\r\n",
    "a space before the colon": POST + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "a NUL in a header": GET + b"X-Nul: a\0b\r\n\r\n",
    "a header without a colon": GET + b"nonsense\r\n\r\n",
    "a chunk size that is no number": CHUNKED + b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-c\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"3\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunks without an end": CHUNKED + chunk(BODY),
    "a length and chunks": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunk(BODY)
    + b"0\r\n\r\n",
    "chunks and another coding": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + WHOLE,
    "chunks said twice": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + WHOLE,
    "chunks in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + WHOLE,
    "a coding behind a control character": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + WHOLE,
    "chunks with a request behind the body's end": POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "a length that is said twice alike": POST + b"Content-Length: 12\r\n" * 2 + b"\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 12, 12\r\n\r\n" + BODY,
    "a length with an underscore": POST + b"Content-Length: 1_2\r\n\r\n" + BODY,
    "a header's name with an underscore": POST + b"Content_Length: 12\r\n\r\n" + BODY,
    "a chunk size in Python's way": CHUNKED + b"0xc\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size without an end": CHUNKED + b"f" * 100_000,
    "a chunk extension without an end": CHUNKED + b"c;a=" + b"x" * 200_000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk extension with a line feed": CHUNKED + b"c;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunks with line feeds alone": CHUNKED + b"c\n" + BODY + b"\n0\n\n",
    "trailers without an end": CHUNKED + chunk(BODY) + b"0\r\n" + b"X-Trailer: 1\r\n" * 50_000 + b"\r\n",
    "a length among the trailers": CHUNKED + chunk(BODY) + b"0\r\nContent-Length: 5\r\n\r\n",
    "an expectation that no server knows": POST + b"Expect: 200-ok\r\nContent-Length: 12\r\n\r\n" + BODY,
    "HTTP/2 from the first byte": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a proxy's line before the request": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + b"\r\n",
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target that is no path": b"GET stores HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the target": b"GET /stores/\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "escapes that are none": b"GET /stores/%zz/inventory/%c3%28 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query that is nonsense": b"GET /stores?limit=%ff&cursor=%00&&&=== HTTP/1.1\r\n" + HOST + b"\r\n",
    "two lengths": POST + b"Content-Length: 12\r\nContent-Length: 5\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length with a sign": POST + b"Content-Length: +12\r\n\r\n" + BODY,
    "an unknown transfer coding": POST + b"Transfer-Encoding: rot13\r\n\r\n" + BODY,
    "an HTTP version that does not exist": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get " + PATH.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "a body that ends early": declared(BODY, len(BODY) + 10),
    "100,000 brackets": declared(b"[" * 100_000),
    "as many brackets as a body may have": declared(b"[" * LIMIT),
    "as many objects as a body may have": declared(b'{"a":' * (LIMIT // 5)),
    "100,000 brackets in chunks": CHUNKED + chunk(b"[" * 50_000) * 2 + b"0\r\n\r\n",
    "a body that is too long": declared(b'{"delta":-1,"reason":"' + b"x" * LIMIT + b'"}'),
    "a body that says it is too long": declared(BODY, 10**15),
    "a length beyond all numbers": POST + b"Content-Length: 1" + b"0" * 5000 + b"\r\n\r\n" + BODY,
    "chunks that are too long": CHUNKED + chunk(BODY + b" " * 8180) * 9 + b"0\r\n\r\n",
    "a body that is no text": declared(b"\xff\xfe\x00{"),
    "a NUL in the path": b"GET /stores/a%00b/inventory/c HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path out of the folder": b"GET /stores/..%2f..%2fetc/inventory/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_bytes_that_are_no_proper_request_are_refused_with_a_4xx_or_a_closed_connection(unharmed, sent):
    received = exchange(unharmed.port, sent)
    # 501 is what RFC 9112 section 6.1 wants for an unknown transfer coding.
    assert received.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 501")) or received == b"", received[:200]
    assert b"Traceback" not in received
    assert b'File "' not in received
    assert len(re.findall(rb"HTTP/1\.\d \d\d\d ", received)) <= 1, "what follows was taken for a request of its own"


CUT_OFF = {
    "nothing": b"",
    "half a request line": b"POST /sto",
    "half a header": POST + b"Content-Le",
    "no body": declared(b"", 12),
    "half a body": declared(BODY[:5], len(BODY)),
    "half a chunk": CHUNKED + b"c\r\n" + BODY[:5],
}


@pytest.mark.parametrize("sent", CUT_OFF.values(), ids=CUT_OFF)
def test_clients_that_hang_up_half_way_change_nothing_and_block_no_other_client(unharmed, sent):
    # More of them than there are threads.
    for _ in range(20):
        exchange(unharmed.port, sent, wait=False)
    with unharmed.client(timeout=10) as client:
        assert client.get(PATH).status == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" * LIMIT, 400, "malformed_json"),
        (b"[" * (LIMIT + 1), 413, "payload_too_large"),
        (b'{"delta":1,"delta":-1}', 400, "malformed_json"),
        (b'{"delta":NaN}', 400, "malformed_json"),
        (b'{"delta":-1', 400, "malformed_json"),
        (b'{"delta":1' + b"0" * 400 + b"}", 400, "validation_error"),
    ],
    ids=["deep", "long", "twice", "nan", "cut", "huge"],
)
def test_a_body_that_cannot_be_used_is_refused_as_a_problem(unharmed, body, status, code):
    for sent in (declared(body), CHUNKED + chunk(body) + b"0\r\n\r\n"):
        head, _, content = exchange(unharmed.port, sent).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status), head
        assert b"application/problem+json" in head
        assert json.loads(content)["error"] == code


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
