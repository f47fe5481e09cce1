"""Every error is problem+json with everything that a client needs, and without internals of the program."""

import pytest
from support.apps import ADJUST, RECORD, FailingLedger, make_services

from inventory.domain import errors
from inventory.domain.errors import InventoryError, Overloaded, ReadOnly, StorageUnavailable
from inventory.web import request_errors as refusals
from inventory.web.app import create_app
from inventory.web.error_statuses import TABLE

REQUIRED = {"type", "title", "status", "detail", "error", "message", "requestId"}


def failing(change=None, read=None):
    return create_app(make_services(FailingLedger(change, read))).test_client()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", RECORD, 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/health/", 404, "not_found"),
        ("GET", "/health//liveness", 404, "not_found"),
        ("GET", "/static/x", 404, "not_found"),
        ("DELETE", RECORD, 405, "method_not_allowed"),
        ("GET", ADJUST, 405, "method_not_allowed"),
        ("BREW", "/sync", 405, "method_not_allowed"),
        ("POST", ADJUST, 415, "unsupported_media_type"),
        ("GET", "/stores?limit=0", 400, "validation_error"),
    ],
)
def test_an_error_is_a_problem_with_every_member(client, method, path, status, code):
    response = client.open(path, method=method)

    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert set(response.json) >= REQUIRED
    assert (response.json["status"], response.json["error"]) == (status, code)
    assert response.json["type"] == f"/problems/{code}"
    assert response.json["message"] == response.json["detail"]
    assert response.json["requestId"] == response.headers["X-Request-Id"]


def test_a_method_that_is_not_allowed_is_answered_with_those_that_are(client):
    response = client.delete(RECORD)

    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, PUT"


def test_options_tells_the_methods(client):
    response = client.options(RECORD)

    assert (response.status_code, response.data) == (200, b"")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PUT"}


def test_an_unexpected_error_says_nothing_of_itself_and_is_in_the_log(caplog):
    response = failing(change=RuntimeError("secret")).post(ADJUST, json={"delta": 1})

    assert (response.status_code, response.json["error"]) == (500, "internal_error")
    assert set(response.json) >= REQUIRED
    assert b"secret" not in response.data
    assert b"Traceback" not in response.data
    assert "secret" in caplog.text
    assert "Traceback" in caplog.text


def test_an_error_of_ours_that_the_table_forgot_is_a_fault(caplog):
    response = failing(change=InventoryError("secret")).post(ADJUST, json={"delta": 1})

    assert (response.status_code, response.json["error"]) == (500, "internal_error")
    assert b"secret" not in response.data


def test_the_apps_own_testing_mode_does_not_let_errors_through(caplog):
    app = create_app(make_services(FailingLedger(change=RuntimeError("x"))))
    app.config["TESTING"] = True

    assert app.test_client().post(ADJUST, json={"delta": 1}).status_code == 500


OF_COMMANDS = {errors.SettlementRefused}
"""What no request can meet."""


@pytest.mark.parametrize("module", [errors, refusals])
def test_every_error_that_can_be_raised_has_a_row(module):
    leaves = [kind for kind in vars(module).values() if isinstance(kind, type) and not kind.__subclasses__()]

    known = {*TABLE, *OF_COMMANDS}
    assert [kind for kind in leaves if issubclass(kind, InventoryError) and kind not in known] == []


UNAVAILABLE = [
    (Overloaded("full", retry_after_ms=1), "overloaded", "none", "1"),
    (Overloaded("full", retry_after_ms=1001), "overloaded", "none", "2"),
    (ReadOnly("disk", retry_after_ms=0), "read_only", "none", "1"),
    (StorageUnavailable("disk", outcome="none", retry_after_ms=3000), "storage_unavailable", "none", "3"),
    (StorageUnavailable("disk", outcome="unknown"), "storage_unavailable", "unknown", "1"),
]


@pytest.mark.parametrize(("error", "code", "outcome", "seconds"), UNAVAILABLE)
def test_a_503_says_what_has_happened_and_when_to_ask_again(error, code, outcome, seconds):
    response = failing(change=error).post(ADJUST, json={"delta": 1})

    assert (response.status_code, response.json["error"]) == (503, code)
    assert (response.json["outcome"], response.headers["Retry-After"]) == (outcome, seconds)


UNKNOWN = StorageUnavailable("disk", outcome="unknown")


def test_where_the_outcome_is_unknown_a_caller_with_a_key_is_told_to_repeat_with_it():
    response = failing(change=UNKNOWN).post(ADJUST, json={"delta": 1}, headers={"Idempotency-Key": "k"})

    assert "same Idempotency-Key" in response.json["message"]


def test_where_the_outcome_is_unknown_a_caller_without_a_key_is_told_to_read_first():
    response = failing(change=UNKNOWN).post(ADJUST, json={"delta": 1})

    assert "read the record" in response.json["message"]


def test_a_read_that_fails_gives_no_advice_about_keys():
    response = failing(read=UNKNOWN).get(RECORD)

    assert (response.status_code, response.json["message"]) == (503, "disk")


def test_ten_thousand_wrong_fields_are_all_named_in_a_short_message(client):
    response = client.post(ADJUST, json={str(number): 0 for number in range(5000)})

    assert len(response.json["errors"]) == 5001
    assert len(response.json["message"]) < 2100
