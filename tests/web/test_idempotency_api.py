"""The Idempotency-Key header: the first answer again, or a conflict."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE, wrong_fields
from support.parallel import run_parallel

from inventory.web.idempotency_key import meaning

KEY = {"Idempotency-Key": "key-1"}
BODY_OF = {ADJUST: {"delta": -1}, RESERVE: {"qty": 1}, RECORD: {"onHand": 3}}


def send(client, path, body=None, headers=KEY):
    method = client.put if path == RECORD else client.post
    return method(path, json=body or BODY_OF[path], headers=headers)


@pytest.mark.parametrize("path", [ADJUST, RESERVE, RECORD])
def test_a_replay_is_the_first_answer_to_the_byte(stocked, path):
    first = send(stocked, path)
    stocked.post(ADJUST, json={"delta": 5})

    again = send(stocked, path)

    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert stocked.get(RECORD).json["version"] == 3


def test_the_replay_of_a_creation_is_a_creation(client):
    first = send(client, RECORD)
    client.post(ADJUST, json={"delta": 5})

    again = send(client, RECORD)

    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]


def test_a_key_is_looked_at_before_version_and_stock(stocked):
    body = {"delta": -10, "expectedVersion": 1}
    first = send(stocked, ADJUST, body)

    assert send(stocked, ADJUST, body).data == first.data
    assert send(stocked, ADJUST, body, KEY | {"If-Match": '"99"'}).data == first.data


@pytest.mark.parametrize(
    "text", [b'{"delta":-1,"reason":"x"}', b'{ "reason" : "x",\n"delta" : -1 }', rb'{"reason":"\u0078","delta":-1}']
)
def test_the_same_meaning_in_other_words_is_the_same_request(stocked, text):
    first = send(stocked, ADJUST, {"delta": -1, "reason": "x"})

    again = stocked.post(ADJUST, data=text, content_type="application/json", headers=KEY)

    assert again.data == first.data


def test_an_escaped_path_is_the_same_request(stocked):
    first = send(stocked, ADJUST)

    again = stocked.post(ADJUST.replace("-", "%2D"), json=BODY_OF[ADJUST], headers=KEY)

    assert again.data == first.data


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ADJUST, {"delta": -2}),
        (ADJUST, {"delta": -1, "reason": "x"}),
        (ADJUST, {"delta": -1, "expectedVersion": 1}),
        (ADJUST.replace("sku-1", "sku-2"), {"delta": -1}),
        (RESERVE, {"qty": 1}),
        (RECORD, {"onHand": 1}),
    ],
)
def test_the_key_of_another_request_is_a_conflict(stocked, path, body):
    send(stocked, ADJUST)

    response = send(stocked, path, body)

    assert (response.status_code, response.json["error"], response.json["key"]) == (
        409,
        "idempotency_conflict",
        "key-1",
    )
    assert stocked.get(RECORD).json["version"] == 2


def test_a_refusal_can_be_tried_again_under_its_key(stocked):
    assert send(stocked, ADJUST, {"delta": -11}).status_code == 409
    stocked.post(ADJUST, json={"delta": 1})

    assert send(stocked, ADJUST, {"delta": -11}).status_code == 200


def test_without_a_key_every_request_counts(stocked):
    assert [send(stocked, ADJUST, headers={}).json["qty"] for _ in range(2)] == [9, 8]


def test_a_quoted_key_is_the_same_as_a_bare_one(stocked):
    first = send(stocked, ADJUST)

    assert send(stocked, ADJUST, headers={"Idempotency-Key": '"key-1"'}).data == first.data


@pytest.mark.parametrize("key", ["a", "~" * 255, '"a"', r'"a\"b\\"', '"a,b"', '"%s"' % ("x" * 255), 'a"b'])
def test_a_key_may_be_any_visible_ascii(stocked, key):
    assert send(stocked, ADJUST, headers={"Idempotency-Key": key}).status_code == 200


@pytest.mark.parametrize(
    "key", ["", "a b", "~" * 256, '""', '"a', '"a"b"', r'"a\b"', "ä", '"%s"' % ("x" * 256), '"a b"']
)
def test_any_other_key_is_refused(stocked, key):
    response = send(stocked, ADJUST, headers={"Idempotency-Key": key})

    assert (response.status_code, response.json["error"]) == (400, "idempotency_key_invalid")
    assert wrong_fields(response) == ["Idempotency-Key"]
    assert stocked.get(RECORD).json["version"] == 1


def test_the_same_key_16_times_at_once_changes_stock_once(app, stocked):
    answers = run_parallel([lambda: send(app.test_client(), ADJUST)] * 16, at_once=16)

    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 15
    assert stocked.get(RECORD).json["qty"] == 9


def test_the_hash_of_a_request_is_the_same_in_every_release():
    body = {"reference": "r", "delta": -1}

    assert meaning("POST", "/a", body) == "b693e6bd4007659e0255aded3cb513b5"
    assert meaning("POST", "/a", {"delta": -1, "reference": "r"}) == meaning("POST", "/a", body)


def test_method_path_and_body_are_what_a_request_means():
    requests = [("POST", "/a", {"b": 1}), ("PUT", "/a", {"b": 1}), ("POST", "/b", {"b": 1}), ("POST", "/a", {"b": 2})]

    assert len({meaning(*request) for request in requests}) == 4


def test_two_key_headers_which_arrive_as_one_with_a_comma_are_refused(stocked):
    response = send(stocked, ADJUST, headers={"Idempotency-Key": "a,b"})
    assert (response.status_code, response.json["error"]) == (400, "idempotency_key_invalid")
