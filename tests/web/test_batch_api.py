"""POST /inventory/batch: each operation by itself, and bodies that are not a batch."""

import pytest
from support.apps import BATCH, KEY, FailingLedger, adjust, count, make_services, reserve, send, versions
from support.given import event_of, item
from support.views import MemoryViews

from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Line
from inventory.domain.state import fold
from inventory.memory.ledger import MemoryLedger
from inventory.web.app import create_app


def test_each_operation_has_its_result_in_order(stocked):
    answer = send(stocked, count("sku-2", 3), adjust(-1), reserve(4, ttlMs=60_000), count("sku-1", 8))

    results = answer.json["results"]
    assert (answer.status_code, [result["status"] for result in results]) == (200, [201, 200, 200, 200])
    assert [result["record"]["version"] for result in results] == [1, 2, 3, 4]
    assert [(one["record"]["sku"], one["record"]["qty"]) for one in results] == [
        ("sku-2", 3),
        ("sku-1", 9),
        ("sku-1", 5),
        ("sku-1", 4),
    ]


def test_a_reserve_s_result_names_its_reservation(stocked):
    (result,) = send(stocked, reserve(4, ttlMs=60_000, reference="order 9")).json["results"]
    found = stocked.get(f"/reservations/{result['reservationId']}").json
    assert (found["reference"], found["expiresAt"], found["state"]) == ("order 9", result["expiresAt"], "held")


def test_a_refused_operation_has_its_error_and_hinders_no_other(stocked):
    results = send(stocked, adjust(-11), adjust(-1, "none"), adjust(-1, expectedVersion=9), adjust(-2)).json["results"]

    assert [(one["status"], one.get("error")) for one in results] == [
        (409, "insufficient_stock"),
        (404, "not_found"),
        (409, "version_conflict"),
        (200, None),
    ]
    assert (results[0]["available"], results[2]["currentVersion"]) == (10, 1)
    assert all(one["message"] for one in results[:3])


def test_4000_calls_to_load_a_catalogue_are_four():
    client = create_app(make_services(rate_limit_rps=0)).test_client()
    for part in range(4):
        answer = send(client, *[count(f"sku-{part}-{number}", number) for number in range(1000)])
        assert [result["status"] for result in answer.json["results"]] == [201] * 1000
    assert client.get("/stores").json["items"] == [{"storeId": "store-1", "skus": 4000}]


def test_a_retry_replays_what_is_there_and_decides_refusals_again(stocked):
    first = send(stocked, adjust(-4), adjust(-8), headers=KEY)
    stocked.post("/stores/store-1/inventory/sku-1/adjust", json={"delta": 20})

    again = send(stocked, adjust(-4), adjust(-8), headers=KEY)

    assert [result["status"] for result in first.json["results"]] == [200, 409]
    assert again.json["results"][0] == first.json["results"][0]
    assert (again.json["results"][1]["status"], again.json["results"][1]["record"]["onHand"]) == (200, 18)
    assert "Idempotent-Replayed" not in again.headers


def test_a_retry_of_what_was_all_carried_out_is_the_first_answer_to_the_byte(stocked):
    operations = [count("sku-2", 3), adjust(-1), reserve(4, ttlMs=60_000)]
    first = send(stocked, *operations, headers=KEY)
    send(stocked, adjust(1))

    again = send(stocked, *operations, headers=KEY)

    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert "Idempotent-Replayed" not in first.headers
    assert versions(stocked, "sku-1", "sku-2") == [4, 1]


def test_each_operation_s_key_is_that_of_the_request_and_its_place(stocked):
    send(stocked, adjust(-1), adjust(-1), headers=KEY)
    answer = stocked.post(
        "/stores/store-1/inventory/sku-1/adjust", json={"delta": -1}, headers={"Idempotency-Key": "lorry-7/1"}
    )
    assert (answer.status_code, answer.json["error"]) == (409, "idempotency_conflict")


def test_the_key_of_a_batch_is_used_for_other_requests_too(stocked):
    send(stocked, adjust(-11), adjust(-1), headers=KEY)
    answer = stocked.post("/stores/store-1/inventory/sku-1/adjust", json={"delta": -1}, headers=KEY)
    assert (answer.status_code, answer.json["error"], answer.json["key"]) == (409, "idempotency_conflict", "lorry-7")
    assert versions(stocked, "sku-1") == [2]


def test_a_batch_of_which_nothing_was_carried_out_has_not_used_its_key(stocked):
    send(stocked, adjust(-11), headers=KEY)
    assert send(stocked, adjust(-1), headers=KEY).json["results"][0]["status"] == 200


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([adjust(-4)], id="without the one that was carried out"),
        pytest.param([adjust(-4), adjust(-3)], id="with another"),
    ],
)
def test_the_key_of_a_batch_is_used_whichever_operations_were_carried_out(stocked, other):
    send(stocked, adjust(-11), adjust(-8), headers=KEY)
    assert send(stocked, *other, headers=KEY).status_code == 409
    assert versions(stocked, "sku-1") == [2]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([adjust(-4), adjust(-7)], id="the refused one changed"),
        pytest.param([adjust(-4), adjust(-8), adjust(-1)], id="one more"),
        pytest.param([adjust(-4)], id="one fewer"),
        pytest.param([adjust(-8), adjust(-4)], id="another order"),
    ],
)
def test_the_key_of_another_batch_is_a_conflict_and_carries_out_none_of_it(stocked, other):
    send(stocked, adjust(-4), adjust(-8), headers=KEY)

    answer = send(stocked, *other, headers=KEY)

    assert (answer.status_code, answer.json["error"], answer.json["key"]) == (409, "idempotency_conflict", "lorry-7")
    assert versions(stocked, "sku-1") == [2]


def test_the_key_of_an_atomic_batch_is_a_conflict_for_the_same_one_by_one(stocked):
    send(stocked, adjust(-4), atomic=True, headers=KEY)
    assert send(stocked, adjust(-4), headers=KEY).status_code == 409
    assert versions(stocked, "sku-1") == [2]


def test_a_replayed_batch_counts_as_one_idempotent_hit(stocked):
    for _ in range(2):
        send(stocked, adjust(-1), adjust(-1), headers=KEY)
    assert stocked.get("/metrics").json["idempotentHits"] == 1


def test_an_operation_whose_outcome_is_unknown_says_so():
    services = make_services(FailingLedger(StorageUnavailable("the disk is gone", outcome="unknown")), MemoryViews())
    answer = send(create_app(services).test_client(), count())
    (result,) = answer.json["results"]
    assert (answer.status_code, result["status"], result["error"]) == (200, 503, "storage_unavailable")
    assert (result["outcome"], result["retryAfterMs"] > 0) == ("unknown", True)


def test_a_broken_record_refuses_its_own_operations_alone():
    ledger = MemoryLedger()
    ledger.events.append(event_of(1, Line(item(), 10, 0, 10, 0, 5)))
    fold(ledger._state, ledger.events[0], 0)
    client = create_app(make_services(ledger)).test_client()

    results = send(client, adjust(-1), count("sku-2", 4)).json["results"]

    assert [(one["status"], one.get("error")) for one in results] == [(503, "needs_operator"), (201, None)]
    assert send(client, count("sku-2", 5), adjust(-1), atomic=True).status_code == 503
    assert versions(client, "sku-2") == [1]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, ["atomic", "operations"], id="nothing"),
        pytest.param({"atomic": 1, "operations": [adjust(1)]}, ["atomic"], id="1 is not true"),
        pytest.param({"atomic": "true", "operations": [adjust(1)]}, ["atomic"], id="text"),
        pytest.param({"atomic": None, "operations": [adjust(1)]}, ["atomic"], id="null"),
        pytest.param({"atomic": [], "operations": [adjust(1)]}, ["atomic"], id="a list"),
        pytest.param({"atomic": True, "operations": []}, ["operations"], id="no operation"),
        pytest.param({"atomic": True, "operations": [adjust(1)] * 1001}, ["operations"], id="1,001"),
        pytest.param({"atomic": True, "operations": {}}, ["operations"], id="an object"),
        pytest.param({"atomic": True, "operations": [adjust(1), None, 7]}, ["operations[1]", "operations[2]"], id="7"),
        pytest.param({"atomic": True, "operations": [{"op": "sell"}]}, ["operations[0].op"], id="unknown"),
        pytest.param({"atomic": True, "operations": [{"op": ["adjust"]}]}, ["operations[0].op"], id="a list as op"),
        pytest.param({"atomic": True, "operations": [adjust(1)], "x": 1}, ["x"], id="unknown field"),
        pytest.param(
            {"atomic": False, "operations": [adjust(0), {**reserve(0), "delta": 1}, adjust(1, "a b")]},
            ["operations[0].delta", "operations[1].delta", "operations[1].qty", "operations[2].sku"],
            id="every wrong field at once",
        ),
        pytest.param(
            {"atomic": False, "operations": [count("sku-1", 1, countedAtVersion=1)]},
            ["operations[0].countedAtVersion"],
            id="countedAtVersion",
        ),
    ],
)
def test_a_wrong_body_is_refused_with_all_that_is_wrong_and_changes_nothing(stocked, body, fields):
    answer = stocked.post(BATCH, json=body)
    assert (answer.status_code, sorted(problem["field"] for problem in answer.json["errors"])) == (400, fields)
    assert versions(stocked, "sku-1") == [1]


def test_a_version_in_a_header_names_nothing_here(stocked):
    answer = send(stocked, adjust(1), headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "If-Match")


def test_1000_operations_with_all_they_may_say_fit(client):
    long = {"reason": "r" * 200, "reference": "f" * 200}
    answer = send(client, *[count(f"{number:064}", 10**12, **long) for number in range(1000)])
    assert [result["status"] for result in answer.json["results"]] == [201] * 1000


def test_a_body_of_more_than_a_mebibyte_is_too_long(client):
    text = b'{"atomic":true,"operations":[]}'
    answers = [
        client.post(BATCH, data=text.ljust(length), content_type="application/json")
        for length in (1_048_576, 1_048_577)
    ]
    assert [answer.status_code for answer in answers] == [400, 413]
    assert answers[1].json["limit"] == 1_048_576
