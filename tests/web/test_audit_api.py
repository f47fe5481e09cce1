"""GET /audit/verify."""

import pytest
from web.apps import make_services, wrong_fields

from inventory.domain.errors import Overloaded
from inventory.web.app import create_app

FOUND = {"ok": True, "checkedSequence": 7, "fromSequence": 1, "drift": [], "driftCount": 0, "problems": []}


class Audit:
    """Says what it is told to say."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def run(self):
        if self._error is not None:
            raise self._error
        return FOUND


def asked(audit, path="/audit/verify"):
    return create_app(make_services(audit=audit)).test_client().get(path)


def test_it_tells_what_was_found():
    response = asked(Audit())
    assert (response.status_code, response.json) == (200, FOUND)


def test_while_one_is_at_work_it_says_when_to_come_back():
    response = asked(Audit(Overloaded("an audit is at work already", retry_after_ms=5000)))
    assert (response.status_code, response.json["error"], response.headers["Retry-After"]) == (503, "overloaded", "5")


def test_where_there_is_no_log_on_files_it_says_so(client):
    response = client.get("/audit/verify")
    assert (response.status_code, response.json["error"]) == (503, "storage_unavailable")


@pytest.mark.parametrize("query", ["after=1", "force"])
def test_it_has_nothing_to_say(query):
    response = asked(Audit(), f"/audit/verify?{query}")
    assert (response.status_code, len(wrong_fields(response))) == (400, 1)
