"""What a change must pass: the body's limit and its client's bucket. Reads pass freely."""

import pytest
from given import Clock
from web.apps import ADJUST, RECORD, make_services

from inventory.web.app import create_app

READS = (RECORD, "/stores", "/health", "/health/liveness", "/metrics", "/sync/status")


@pytest.fixture
def clock():
    return Clock()


def limited(clock, **settings):
    usual = {"rate_limit_rps": 2, "rate_limit_burst": 3}
    return create_app(make_services(since_boot=clock, **usual | settings)).test_client()


def adjust(client, **environ):
    return client.post(ADJUST, json={"delta": 1}, environ_overrides=environ)


def test_a_burst_is_let_through_and_the_next_change_is_told_when(clock):
    client = limited(clock)
    passed = [adjust(client).status_code for _ in range(3)]

    refused = adjust(client)

    assert passed == [404] * 3
    assert (refused.status_code, refused.json["error"], refused.json["status"]) == (429, "rate_limited", 429)
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"
    assert refused.json["requestId"] == refused.headers["X-Request-Id"]


def test_after_the_time_that_was_told_a_change_is_let_through(clock):
    client = limited(clock, rate_limit_rps=1, rate_limit_burst=1)
    adjust(client)
    wait = int(adjust(client).headers["Retry-After"])
    clock.advance(ms=wait * 1000)

    assert adjust(client).status_code == 404


def test_every_answer_to_a_change_tells_the_policy_and_what_is_left(clock):
    client = limited(clock)
    answers = [adjust(client) for _ in range(4)]

    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"changes";q=3;w=2'}
    assert [answer.headers["RateLimit"] for answer in answers] == [
        '"changes";r=2;t=1',
        '"changes";r=1;t=1',
        '"changes";r=0;t=2',
        '"changes";r=0;t=1',
    ]


@pytest.mark.parametrize("path", READS)
def test_reads_are_neither_limited_nor_told_of_limits(clock, path):
    client = limited(clock)
    for _ in range(9):
        adjust(client)
    answer = client.get(path)

    assert answer.status_code in (200, 404)
    assert "RateLimit" not in answer.headers


def test_another_client_has_a_bucket_of_its_own(clock):
    client = limited(clock)
    for _ in range(9):
        adjust(client)

    assert adjust(client, REMOTE_ADDR="192.0.2.7").status_code == 404


def test_behind_a_trusted_proxy_each_client_has_its_own(clock):
    client = limited(clock, trusted_proxies=("127.0.0.0/8",))
    asked = [adjust(client, HTTP_X_FORWARDED_FOR=f"192.0.2.{number}").status_code for number in range(9)]

    assert asked == [404] * 9


def test_a_limit_of_zero_is_none(clock):
    client = limited(clock, rate_limit_rps=0)

    answers = [adjust(client) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {404}
    assert "RateLimit" not in answers[0].headers


def test_a_sync_on_demand_counts_as_a_change(clock):
    client = limited(clock)

    assert [client.post("/sync").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_body_that_is_announced_as_too_long_takes_no_token(clock):
    client = limited(clock)
    long = [client.post(ADJUST, data=b" " * 65_537, content_type="application/json").status_code for _ in range(9)]

    assert (long, adjust(client).status_code) == ([413] * 9, 404)


def test_refused_changes_are_counted(clock):
    client = limited(clock)
    for _ in range(5):
        adjust(client)

    assert (client.get("/metrics").json["rateLimited"], client.get("/metrics").json["shed"]) == (2, 0)
