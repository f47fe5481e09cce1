"""The id of each request."""

import re

import pytest
from support.apps import RECORD


@pytest.mark.parametrize("given", ["a", "~" * 128, 'x"\\y', "01J-9:z"])
def test_a_request_id_that_is_given_comes_back(stocked, given):
    response = stocked.get(RECORD, headers={"X-Request-Id": given})

    assert response.headers.getlist("X-Request-Id") == [given]


@pytest.mark.parametrize("given", ["", "a b", "~" * 129, "ä", None])
def test_any_other_request_id_is_replaced(stocked, given):
    response = stocked.get(RECORD, headers={} if given is None else {"X-Request-Id": given})

    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/nowhere"),
        ("DELETE", RECORD),
        ("OPTIONS", RECORD),
        ("HEAD", RECORD),
        ("POST", "/sync"),
    ],
)
def test_every_answer_has_a_request_id(client, method, path):
    assert client.open(path, method=method).headers["X-Request-Id"]


def test_two_requests_have_two_ids(client):
    first, second = (client.get("/health").headers["X-Request-Id"] for _ in range(2))

    assert first != second


def test_a_host_header_of_any_kind_does_no_harm(client):
    assert client.get("/health", headers={"Host": "a b/../\\"}).status_code == 200
