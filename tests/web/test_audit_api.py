"""GET /audit/verify."""

import pytest
from support.apps import FOUND_NOTHING, StillAudit, make_services, wrong_fields

from inventory.domain.errors import Overloaded
from inventory.verification.audit import NoAudit
from inventory.web.app import create_app


def asked(audit, path="/audit/verify"):
    return create_app(make_services(audit=audit)).test_client().get(path)


def test_it_tells_what_was_found():
    response = asked(StillAudit())
    assert (response.status_code, response.json) == (200, FOUND_NOTHING)


def test_while_one_is_at_work_it_says_when_to_come_back():
    response = asked(StillAudit(Overloaded("another audit is running", retry_after_ms=5000)))
    assert (response.status_code, response.json["error"], response.headers["Retry-After"]) == (503, "overloaded", "5")


def test_where_there_is_no_log_on_files_it_says_so():
    response = asked(NoAudit("there is none"))
    assert (response.status_code, response.json["error"]) == (503, "storage_unavailable")


@pytest.mark.parametrize("query", ["after=1", "force"])
def test_it_takes_no_query(query):
    response = asked(StillAudit(), f"/audit/verify?{query}")
    assert (response.status_code, len(wrong_fields(response))) == (400, 1)
