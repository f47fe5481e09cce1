"""The limits of a change: the size of its body and its client's bucket. Neither limits reads."""

import pytest
from support.apps import ADJUST, RECORD, make_services
from support.given import Clock

from inventory.web.app import create_app
from inventory.web.request_body import may_be_large
from inventory.web.routing import PATH

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


STOCKED = [{"op": "count", "storeId": "store-1", "sku": f"sku-{number}", "onHand": 90} for number in range(5)]
LINES = [{"storeId": "store-1", "sku": f"sku-{number}", "qty": 1} for number in range(5)]
KEY = {"Idempotency-Key": "key"}


def held(client) -> str:
    return f"/reservations/{client.post('/reservations', json={'lines': LINES}).json['reservationId']}"


MANY = {
    "atomic batch": lambda _: ("/inventory/batch", {"atomic": True, "operations": STOCKED}),
    "batch": lambda _: ("/inventory/batch", {"atomic": False, "operations": STOCKED}),
    "hold": lambda _: ("/reservations", {"lines": LINES}),
    "transfer": lambda _: (
        "/transfers",
        {"from": "store-1", "to": "store-2", "lines": [{"sku": line["sku"], "qty": 1} for line in LINES]},
    ),
    "commit": lambda client: (f"{held(client)}/commit", {}),
    "release": lambda client: (f"{held(client)}/release", {}),
    "commit of a part": lambda client: (f"{held(client)}/commit", {"lines": LINES}),
    "release of a part": lambda client: (f"{held(client)}/release", {"lines": LINES}),
}


@pytest.mark.parametrize("asked", MANY)
def test_a_change_costs_a_token_for_each_operation_or_line(clock, asked):
    client = limited(clock, rate_limit_rps=1, rate_limit_burst=2)
    client.post("/inventory/batch", json={"atomic": True, "operations": STOCKED})
    clock.advance(ms=100_000)
    path, body = MANY[asked](client)
    clock.advance(ms=100_000)

    passed = client.post(path, json=body, headers=KEY)
    refused = adjust(client)
    clock.advance(ms=int(refused.headers["Retry-After"]) * 1000)

    assert (passed.status_code // 100, passed.headers["RateLimit"]) == (2, '"changes";r=0;t=5')
    # 2 of 5 were there: it is 3 below zero, and has one again after 4 s.
    assert (refused.status_code, refused.headers["Retry-After"], refused.headers["RateLimit"]) == (
        429,
        "4",
        '"changes";r=0;t=4',
    )
    assert adjust(client).status_code == 200


def test_with_any_burst_the_largest_batch_is_let_through_and_the_next_one_late(clock):
    client = limited(clock, rate_limit_rps=1000, rate_limit_burst=1)
    body = {"atomic": False, "operations": STOCKED * 200}

    answers = [client.post("/inventory/batch", json=body) for _ in range(2)]
    clock.advance(ms=int(answers[1].headers["Retry-After"]) * 1000)
    answers.append(client.post("/inventory/batch", json=body))

    assert [answer.status_code for answer in answers] == [200, 429, 200]


def test_a_batch_that_cannot_be_understood_costs_one_token(clock):
    client = limited(clock)
    client.post("/inventory/batch", json={"atomic": True, "operations": [*STOCKED, {}]})

    assert adjust(client).headers["RateLimit"] == '"changes";r=1;t=1'


@pytest.mark.parametrize(
    ("path", "length", "chunked", "large"),
    [
        ("/inventory/batch", "16385", False, True),
        ("/inventory/batch", "16384", False, False),
        ("/inventory/batch", "", True, True),
        ("/inventory/batch", "", False, False),
        ("/reservations", "20000", False, True),
        ("/transfers", "20000", False, True),
        (ADJUST, "20000", False, False),
        (ADJUST, "", True, False),
        ("/inventory/batch", "lots", False, False),
        ("/inventory/batch", "lots of it", False, False),
    ],
)
def test_a_body_may_be_large_where_it_may_have_many_lines_and_is_long_or_chunked(path, length, chunked, large):
    environ = {PATH: path, "CONTENT_LENGTH": length, "wsgi.input_terminated": chunked}
    assert may_be_large(environ) is large
