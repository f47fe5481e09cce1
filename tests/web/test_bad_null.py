"""A null is refused, and only what may be left out is said to be left out."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE

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
def test_nobody_is_told_to_leave_out_what_is_required(stocked, path, field):
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
