"""POST /inventory/batch: all operations as one event, or none."""

import pytest
from support.apps import KEY, adjust, count, reserve, send, versions, wrong_fields


def test_an_atomic_batch_is_one_event(stocked):
    answer = send(stocked, adjust(-1), count("sku-2", 3), reserve(2), adjust(-1), atomic=True)

    results = answer.json["results"]
    assert (answer.status_code, [result["status"] for result in results]) == (200, [200, 201, 200, 200])
    assert {result["record"]["sequence"] for result in results} == {answer.json["sequence"]} == {2}
    assert results[0]["record"] == results[3]["record"]
    assert (results[0]["record"]["onHand"], results[0]["record"]["qty"], results[0]["record"]["version"]) == (8, 6, 2)


def test_a_refused_atomic_batch_is_the_problem_of_the_operation_that_it_names(stocked):
    answer = send(stocked, count("sku-2", 3), adjust(-4), adjust(-7), atomic=True)

    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert (answer.json["error"], answer.json["operation"], answer.json["available"]) == ("insufficient_stock", 2, 6)
    assert versions(stocked, "sku-1", "sku-2") == [1, None]


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        (adjust(1, "none"), 404, "not_found"),
        (adjust(1, expectedVersion=2), 409, "version_conflict"),
        (reserve(11), 409, "insufficient_stock"),
        (adjust(10**12), 400, "validation_error"),
        (count("none", 1, expectedVersion=1), 404, "not_found"),
    ],
)
def test_whatever_refuses_an_operation_names_its_place(stocked, operation, status, code):
    answer = send(stocked, adjust(-1), operation, atomic=True)
    assert (answer.status_code, answer.json["error"], answer.json["operation"]) == (status, code, 1)
    assert versions(stocked, "sku-1") == [1]


def test_the_reserves_of_an_atomic_batch_are_one_reservation(stocked):
    answer = send(stocked, count("sku-2", 3), reserve(2), reserve(1, "sku-2"), reserve(1), atomic=True)
    ids = {result.get("reservationId") for result in answer.json["results"][1:]}
    (found,) = [stocked.get(f"/reservations/{one}").json for one in ids]
    assert [(line["sku"], line["qty"]) for line in found["lines"]] == [("sku-1", 3), ("sku-2", 1)]


def test_a_retry_of_an_atomic_batch_is_the_first_answer_to_the_byte(stocked):
    operations = [count("sku-2", 3), adjust(-1), reserve(4, ttlMs=60_000)]
    first = send(stocked, *operations, atomic=True, headers=KEY)
    send(stocked, adjust(1))

    again = send(stocked, *operations, atomic=True, headers=KEY)

    assert (again.status_code, again.data, again.headers["Idempotent-Replayed"]) == (200, first.data, "true")
    assert versions(stocked, "sku-1", "sku-2") == [3, 1]


def test_a_refused_atomic_batch_is_decided_again_at_a_retry(stocked):
    assert send(stocked, adjust(-11), atomic=True, headers=KEY).status_code == 409
    send(stocked, adjust(5))
    assert send(stocked, adjust(-11), atomic=True, headers=KEY).status_code == 200


def test_an_atomic_batch_of_1000_records_is_one_event(client):
    answer = send(client, *[count(f"sku-{number}", number) for number in range(1000)], atomic=True)
    assert len(answer.json["results"]) == 1000
    assert client.get("/events?after=0").json["items"][0]["type"] == "stock.batch"


def test_the_event_of_an_atomic_batch_says_why(stocked):
    send(stocked, adjust(-1, reason="broken"), count("sku-2", 3), reserve(1, reference="order 9"), atomic=True)
    event = stocked.get("/events?after=1").json["items"][0]
    assert (event["reason"], event["reference"]) == ("broken", "order 9")


@pytest.mark.parametrize(
    ("operations", "fields"),
    [
        ([reserve(1), reserve(1, ttlMs=5)], ["operations[1].ttlMs"]),
        ([adjust(1, reason="a"), adjust(1), adjust(1, reason="b")], ["operations[2].reason"]),
        ([adjust(1, reference="a"), reserve(1, reference="b")], ["operations[1].reference"]),
    ],
)
def test_what_one_event_can_say_only_once_must_not_differ(stocked, operations, fields):
    answer = send(stocked, *operations, atomic=True)
    assert (answer.status_code, [problem["field"] for problem in answer.json["errors"]]) == (400, fields)
    assert send(stocked, *operations).json["results"][-1]["status"] == 200


def test_reserves_of_more_than_500_records_are_a_wrong_field_and_change_nothing(stocked):
    operations = [reserve(1, f"sku-{number}") for number in range(501)]

    answer = send(stocked, *operations, atomic=True)

    assert (answer.status_code, answer.json["error"], wrong_fields(answer)) == (400, "validation_error", ["operations"])
    assert "operation" not in answer.json
    assert versions(stocked, "sku-1") == [1]
