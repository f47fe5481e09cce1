"""``GET /problems/{code}``: a page for each error code."""

import re
from html import unescape

import pytest
from support.apps import make_services

from inventory.eventlog.unavailable_ledger import UnavailableLedger
from inventory.web.app import create_app
from inventory.web.error_codes import CODES

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def shown(page: str) -> str:
    """A page without its tags, as a reader sees it."""
    return unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "", page, flags=re.DOTALL))


@pytest.mark.parametrize("code", CODES)
def test_the_type_of_a_problem_leads_to_what_its_code_means(client, code):
    row = CODES[code]

    response = client.get(f"/problems/{code}")

    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.json == {
        "type": f"/problems/{code}",
        "error": code,
        "title": row.title,
        "statuses": list(row.statuses),
        "meaning": row.cause,
        "happened": row.happened,
        "repeat": row.repeat,
        "when": row.when,
        "key": row.key,
        "nextStep": row.next_step,
    }


@pytest.mark.parametrize("code", CODES)
def test_a_browser_gets_a_page_with_title_meaning_and_what_to_do(client, code):
    row = CODES[code]

    response = client.get(f"/problems/{code}", headers=BROWSER)

    assert (response.status_code, response.content_type) == (200, "text/html; charset=utf-8")
    told = (code, row.title, row.cause, row.next_step, row.happened, row.repeat, row.when, row.key)
    assert [text for text in told if text.replace("`", "") not in shown(response.text)] == []


def test_a_page_may_load_and_run_nothing(client):
    policy = client.get("/problems/not_found", headers=BROWSER).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain", "text/html;q=0.5,application/json"])
def test_a_client_that_does_not_prefer_a_page_gets_json(client, accept):
    response = client.get("/problems/not_found", headers={"Accept": accept})

    assert (response.content_type, response.headers["Vary"]) == ("application/json", "Accept")


@pytest.mark.parametrize("code", ["nothing", "NOT_FOUND", "%3Cb%3E", "not_found%2F"])
def test_an_unknown_code_is_a_problem_for_a_browser_too(client, code):
    response = client.get(f"/problems/{code}", headers=BROWSER)

    assert (response.status_code, response.content_type) == (404, "application/problem+json")
    assert client.get(response.json["type"]).status_code == 200


def test_head_has_the_headers_of_the_page_and_no_body(client):
    got, asked = (client.open("/problems/not_found", method=method, headers=BROWSER) for method in ("GET", "HEAD"))

    assert (asked.status_code, asked.data) == (200, b"")
    assert asked.headers["Content-Length"] == got.headers["Content-Length"]
    assert asked.content_type == got.content_type


def test_a_process_that_could_not_open_its_folder_still_says_what_its_answers_mean():
    client = create_app(make_services(UnavailableLedger("no such folder", lambda: 0))).test_client()
    refused = client.get("/stores")
    assert refused.json["error"] == "needs_operator"

    assert client.get(refused.json["type"]).json["title"] == CODES["needs_operator"].title
