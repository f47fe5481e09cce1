"""POST /inventory/batch with what is no batch."""

import pytest
from support.batches import BATCH, adjust, count, reserve, send, versions


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
