"""``GET /capabilities``: what a client must know about the service, and that it is true."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from support.apps import ADJUST, BATCH, NOW, RECORD, RESERVE, adjust, lines_of, make_services

from inventory import __version__
from inventory.domain.values import Instant
from inventory.eventlog.line import FORMAT
from inventory.eventlog.unavailable_ledger import UnavailableLedger
from inventory.settings import Settings
from inventory.web.app import create_app

STATED = ("idemp_ttl_ms", "commit_wait_ms", "client_timeout_ms", "rate_limit_rps", "rate_limit_burst")
QUOTAS = ("max_records", "max_stores", "max_open_reservations")


def capabilities(**settings: Any) -> dict[str, Any]:
    return create_app(make_services(**settings)).test_client().get("/capabilities").json


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def test_version_engine_and_time_are_those_of_the_process(client):
    told = client.get("/capabilities").json

    assert (told["version"], told["engine"], told["logFormat"]) == (__version__, "memory", 0)
    assert told["serverTimeMs"] == NOW // 1000


def test_an_empty_ledger_has_no_id(client):
    told = client.get("/capabilities").json

    assert (told["ledgerId"], told["timelineId"]) == (None, None)


def test_the_ledger_has_the_id_of_its_first_event(five):
    first = five.get("/events?limit=1").json["items"][0]["eventId"]
    told = five.get("/capabilities").json

    assert (told["ledgerId"], told["timelineId"]) == (first, first)


@pytest.mark.parametrize("name", [*STATED, *QUOTAS])
def test_a_limit_that_is_a_setting_is_the_one_set(name: str):
    other = getattr(Settings(), name) + 7

    assert capabilities(**{name: other})["limits"][camel(name)] == other


def test_a_reservation_is_kept_as_long_as_its_keys():
    assert capabilities(reservation_keep_ms=1, idemp_ttl_ms=5)["limits"]["reservationKeepMs"] == 5
    assert capabilities(reservation_keep_ms=9, idemp_ttl_ms=5)["limits"]["reservationKeepMs"] == 9


def posted(path: str, body: Callable[[int], Any]) -> Callable[[FlaskClient, int], Any]:
    return lambda client, number: client.post(path, json=body(number))


def padded(path: str) -> Callable[[FlaskClient, int], Any]:
    """A body of so many bytes."""
    return lambda client, size: client.post(path, data=b"{}".ljust(size), content_type="application/json")


ASKED: dict[str, Callable[[FlaskClient, int], Any]] = {
    "maxBodyBytes": padded(ADJUST),
    "maxListBodyBytes": padded("/reservations"),
    "maxPageItems": lambda client, number: client.get(f"/stores?limit={number}"),
    "maxWaitSeconds": lambda client, number: client.get(f"/events?wait={number}"),
    "maxBatchOperations": posted(BATCH, lambda n: {"atomic": False, "operations": [adjust(1)] * n}),
    "maxLines": posted("/reservations", lambda n: {"lines": lines_of(*((f"s{one}", 1) for one in range(n)))}),
    "maxTtlMs": posted(RESERVE, lambda n: {"qty": 1, "ttlMs": n}),
    "maxQuantity": lambda client, number: client.put(RECORD, json={"onHand": number}),
    "maxKeyLength": lambda client, n: client.post(ADJUST, json={"delta": 1}, headers={"Idempotency-Key": "k" * n}),
    "maxIdentifierLength": lambda client, number: client.get(f"/inventory/{'s' * number}"),
    "maxTextLength": posted(ADJUST, lambda n: {"delta": 1, "reason": "x" * n}),
}
INVALID = {"validation_error", "idempotency_key_invalid", "payload_too_large"}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", ASKED)
def test_a_request_at_a_limit_is_valid_and_one_beyond_it_is_not(stocked: FlaskClient, name: str):
    limit = stocked.get("/capabilities").json["limits"][name]

    at, beyond = ASKED[name](stocked, limit), ASKED[name](stocked, limit + 1)

    if "Bytes" in name:
        assert (at.status_code, beyond.status_code, beyond.json["limit"]) == (400, 413, limit)
    else:
        assert at.json.get("error") not in INVALID, at.json
        assert beyond.json["error"] in INVALID


def test_a_shorter_ttl_than_the_least_one_is_refused(stocked: FlaskClient):
    least = stocked.get("/capabilities").json["limits"]["minTtlMs"]

    assert stocked.post(RESERVE, json={"qty": 1, "ttlMs": least}).status_code == 200
    assert stocked.post(RESERVE, json={"qty": 1, "ttlMs": least - 1}).status_code == 400


def test_a_process_that_could_not_open_its_folder_tells_everything_but_the_ledger():
    ledger = UnavailableLedger("no such folder", lambda: Instant(5_000_000))
    told = create_app(make_services(ledger)).test_client().get("/capabilities")

    assert told.status_code == 200
    assert (told.json["ledgerId"], told.json["timelineId"]) == (None, None)
    assert (told.json["engine"], told.json["logFormat"], told.json["serverTimeMs"]) == ("files", FORMAT, 5000)
    assert told.json["limits"] == capabilities()["limits"]


def test_head_answers_without_a_body(client: FlaskClient):
    response = client.head("/capabilities")

    assert (response.status_code, response.data) == (200, b"")
