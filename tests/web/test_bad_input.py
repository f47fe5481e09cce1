"""Each error in a change is a 4xx that names it, and no record is changed."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE, wrong_fields

JSON = "application/json"


def send(client, body: bytes, path: str = ADJUST):
    method = client.put if path == RECORD else client.post
    return method(path, data=body, content_type=JSON)


WRONG_NUMBERS = ["true", "1.0", "1e2", '"1"', "null", "[1]", "{}", str(10**12 + 1), str(10**400)]


@pytest.mark.parametrize("number", [*WRONG_NUMBERS, "0", str(-(10**12) - 1), "1e400", "-0"])
def test_a_wrong_delta_is_named(stocked, number):
    response = send(stocked, b'{"delta": %b}' % number.encode())

    assert (response.status_code, response.json["error"]) == (400, "validation_error")
    assert wrong_fields(response) == ["delta"]
    assert stocked.get(RECORD).json["version"] == 1


@pytest.mark.parametrize("number", [*WRONG_NUMBERS, "0", "-1"])
def test_a_wrong_qty_is_named(stocked, number):
    assert wrong_fields(send(stocked, b'{"qty": %b}' % number.encode(), RESERVE)) == ["qty"]


@pytest.mark.parametrize("number", [*WRONG_NUMBERS, "-1"])
def test_a_wrong_on_hand_is_named(stocked, number):
    assert wrong_fields(send(stocked, b'{"onHand": %b}' % number.encode(), RECORD)) == ["onHand"]
    assert stocked.get(RECORD).json["version"] == 1


@pytest.mark.parametrize("number", ["true", "1.0", '"1"', "null", "0", "-1", str(2**53)])
def test_a_wrong_expected_version_is_named(stocked, number):
    response = send(stocked, b'{"delta": 1, "expectedVersion": %b}' % number.encode())

    assert wrong_fields(response) == ["expectedVersion"]


@pytest.mark.parametrize("field", ["reason", "reference"])
@pytest.mark.parametrize(
    "text", ['"%s"' % ("a" * 201), r'"a\u0000"', r'"a\nb"', r'"\ud800"', r'"\udfff"', r'"\u2028"', "7", "null"]
)
def test_a_wrong_text_is_named(stocked, field, text):
    response = send(stocked, b'{"delta": 1, "%b": %b}' % (field.encode(), text.encode()))

    assert (response.status_code, wrong_fields(response)) == (400, [field])


@pytest.mark.parametrize("text", ["", "a" * 200, "größer 🙂", "<b>"])
def test_every_other_text_is_taken(stocked, text):
    assert stocked.post(ADJUST, json={"delta": 1, "reason": text}).status_code == 200


def test_a_field_that_is_missing_is_named(stocked):
    response = send(stocked, b"{}")

    assert response.json["errors"] == [{"field": "delta", "message": "is required"}]


@pytest.mark.parametrize("field", ["Delta", "qty", "", "é", "_schema", "key", "store"])
def test_a_field_that_is_not_known_is_named(stocked, field):
    response = stocked.post(ADJUST, json={"delta": 1, field: 1})

    assert (response.status_code, len(response.json["errors"])) == (400, 1)


def test_an_unknown_field_with_a_name_that_no_utf8_can_express_is_named_escaped(stocked):
    response = send(stocked, rb'{"delta": 1, "\ud800": 1}')

    assert (response.status_code, wrong_fields(response)) == (400, ["\\ud800"])


def test_a_reserve_has_no_reason_and_a_put_no_expected_version(stocked):
    assert wrong_fields(stocked.post(RESERVE, json={"qty": 1, "reason": "x"})) == ["reason"]
    assert wrong_fields(stocked.put(RECORD, json={"onHand": 1, "expectedVersion": 1})) == ["expectedVersion"]


def test_everything_that_is_wrong_is_named_at_once(stocked):
    response = stocked.post(
        "/stores/-/inventory/_/adjust?dry=1",
        json={"delta": 1.5, "expectedVersion": 0, "reason": 7, "colour": "red"},
        headers={"If-Match": "three", "Idempotency-Key": "has space"},
    )

    assert (response.status_code, response.json["error"]) == (400, "validation_error")
    assert wrong_fields(response) == sorted(
        ["storeId", "sku", "dry", "delta", "expectedVersion", "reason", "colour", "If-Match", "Idempotency-Key"]
    )


@pytest.mark.parametrize(
    "name", ["-a", ".a", "_a", ":a", "a b", "a%0Ab", "a%00", "caf%C3%A9", "%FF", "a" * 65, "a%5Cb"]
)
def test_a_wrong_name_in_the_path_is_named(client, name):
    assert wrong_fields(client.put(f"/stores/s/inventory/{name}", json={"onHand": 1})) == ["sku"]
    assert wrong_fields(client.put(f"/stores/{name}/inventory/s", json={"onHand": 1})) == ["storeId"]
    assert client.get("/stores").json["items"] == []


@pytest.mark.parametrize("path", ["/stores//inventory/s", "/stores/a/b/inventory/s", "/stores/../inventory/.."])
def test_empty_and_dot_segments_and_further_ones_are_not_found(client, path):
    response = client.put(path, json={"onHand": 1})

    assert (response.status_code, response.json["error"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["a", "A.b_c-d:e", "0", "a" * 64])
def test_every_other_name_is_taken(client, name):
    assert client.put(f"/stores/{name}/inventory/{name}", json={"onHand": 1}).status_code == 201


OPTIONAL = "must not be null; omit it instead"
REQUIRED = "must not be null"
EXTEND = "/reservations/some/extend"
LINE = {"storeId": "store-1", "sku": "sku-1", "qty": 1}


def told(response) -> dict[str, str]:
    assert response.status_code == 400
    return {error["field"]: error["message"] for error in response.json["errors"]}


@pytest.mark.parametrize(
    ("path", "field"), [(ADJUST, "delta"), (RESERVE, "qty"), (RECORD, "onHand"), (EXTEND, "ttlMs")]
)
def test_no_answer_says_to_leave_out_a_required_field(stocked, path, field):
    send = stocked.put if path == RECORD else stocked.post
    assert told(send(path, json={field: None})) == {field: REQUIRED}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/reservations", {"lines": [None, LINE | {"sku": None, "expectedVersion": None}]}),
        ("/transfers", {"from": None, "to": "b", "lines": [{"sku": None, "qty": 1, "expectedVersion": None}]}),
        ("/inventory/batch", {"atomic": None, "operations": [None, {"op": "adjust", **LINE, "qty": 1, "delta": None}]}),
    ],
)
def test_the_same_within_lines_and_operations(stocked, path, body):
    messages = told(stocked.post(path, json=body))
    assert {message for field, message in messages.items() if field.endswith("expectedVersion")} <= {OPTIONAL}
    rest = {message for field, message in messages.items() if "null" in message and "expectedVersion" not in field}
    assert rest == {REQUIRED}


@pytest.mark.parametrize(("field", "path"), [("expectedVersion", ADJUST), ("reason", ADJUST), ("ttlMs", RESERVE)])
def test_what_is_not_required_is_to_be_left_out(stocked, field, path):
    assert told(stocked.post(path, json={"delta" if path == ADJUST else "qty": 1, field: None})) == {field: OPTIONAL}
