"""A body that is not one JSON object in UTF-8 of at most 64 KiB is refused, in whichever pieces it arrives."""

import io

import pytest
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize, NoMoreData
from support.apps import ADJUST, RECORD, wrong_fields

JSON = "application/json"


def send(client, body: bytes):
    return client.post(ADJUST, data=body, content_type=JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"delta": 1,}',
        b'{"delta": 01}',
        b'{"delta": 1} x',
        b'{"delta": NaN}',
        b'{"delta": Infinity}',
        b'{"delta": -Infinity}',
        b"{'delta': 1}",
        b'{"delta": 1\x00}',
        b'{"delta": 1, "reason": "a\nb"}',
        b'{"delta": 1, "reason": "\xff"}',
        b'\xef\xbb\xbf{"delta": 1}',
        '{"delta": 1}'.encode("utf-16"),
        b"[" * 60_000,
        b'{"delta":' * 7_000,
        b'{"delta": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_json_is_malformed(stocked, body):
    response = send(stocked, body)

    assert (response.status_code, response.json["error"]) == (400, "malformed_json")
    assert stocked.get(RECORD).json["version"] == 1


def test_a_key_that_is_given_twice_is_named(stocked):
    response = send(stocked, b'{"delta": 1, "delta": 1}')

    assert (response.status_code, response.json["error"], wrong_fields(response)) == (400, "malformed_json", ["delta"])


@pytest.mark.parametrize("body", [b"[]", b"1", b'"delta"', b"null", b"true", b'[{"delta": 1}]'])
def test_a_body_that_is_no_object_is_refused(stocked, body):
    response = send(stocked, body)

    assert (response.status_code, wrong_fields(response)) == (400, ["body"])


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=latin-1",
    ],
)
def test_a_body_that_is_not_declared_as_json_is_not_looked_at(stocked, media_type):
    response = stocked.post(ADJUST, data=b'{"delta": 1}', content_type=media_type)

    assert (response.status_code, response.json["error"]) == (415, "unsupported_media_type")


def padded(size: int) -> bytes:
    return b'{"delta": 1' + b" " * (size - 12) + b"}"


def test_a_body_of_64_kib_is_taken(stocked):
    assert send(stocked, padded(65_536)).status_code == 200


def test_a_longer_body_is_refused(stocked):
    response = send(stocked, padded(65_537))

    assert (response.status_code, response.json["error"], response.json["limit"]) == (413, "payload_too_large", 65_536)


def chunked(client, body: io.BytesIO):
    return client.post(
        ADJUST,
        input_stream=body,
        content_type=JSON,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )


def test_a_chunked_body_is_taken(stocked):
    assert chunked(stocked, io.BytesIO(padded(65_536))).status_code == 200


def test_a_chunked_body_that_is_too_long_is_read_no_further_than_the_limit(stocked):
    body = Counted(padded(1_000_000))

    response = chunked(stocked, body)

    assert (response.status_code, response.json["error"]) == (413, "payload_too_large")
    assert body.taken == 65_537


class Counted(io.BytesIO):
    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


class BrokenOff(io.BytesIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        raise self.error


@pytest.mark.parametrize(
    "error", [ConnectionResetError("gone"), InvalidChunkSize(b"ZZ"), ChunkMissingTerminator(b""), NoMoreData(b"")]
)
def test_a_body_that_breaks_off_is_malformed(stocked, error):
    response = chunked(stocked, BrokenOff(error))

    assert (response.status_code, response.json["error"]) == (400, "malformed_json")


def test_a_body_that_does_not_come_in_time_is_408(stocked):
    response = chunked(stocked, BrokenOff(TimeoutError("too slow")))

    assert (response.status_code, response.json["error"]) == (408, "request_timeout")


@pytest.mark.parametrize("length", ["x", "-1", "١"])
def test_a_content_length_that_is_no_number_is_malformed(stocked, length):
    response = stocked.post(ADJUST, data=b"{}", content_type=JSON, environ_overrides={"CONTENT_LENGTH": length})

    assert response.json["error"] == "malformed_json"


def test_a_content_length_beyond_all_bounds_is_too_large(stocked):
    response = stocked.post(ADJUST, data=b"{}", content_type=JSON, environ_overrides={"CONTENT_LENGTH": "9" * 5000})

    assert response.status_code == 413


def test_a_body_shorter_than_it_says_is_malformed(stocked):
    response = stocked.post(ADJUST, data=padded(50), content_type=JSON, environ_overrides={"CONTENT_LENGTH": "60"})

    assert response.json["error"] == "malformed_json"


def test_a_body_in_a_content_coding_is_not_taken_for_a_plain_one(client):
    response = client.post(
        "/stores/store-1/inventory/sku-1/adjust", json={"delta": 1}, headers={"Content-Encoding": "gzip"}
    )
    assert (response.status_code, response.json["error"]) == (415, "unsupported_media_type")
