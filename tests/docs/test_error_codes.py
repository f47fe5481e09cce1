"""One table of codes: in the code, in the reference, in openapi.yaml, and of everything that answers with a code."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.blocks import text_of
from support.checkout import ROOT

from inventory.domain.errors import Unavailable
from inventory.server.request_head import _KINDS
from inventory.settings import from_environment
from inventory.web.error_codes import CODES
from inventory.web.error_meaning import OUTCOME
from inventory.web.error_statuses import INTERNAL, ROUTING, TABLE
from inventory.web.request_errors import RequestTimeout

NGINX = text_of(ROOT / "docs/nginx.conf")
OPENAPI = yaml.safe_load(text_of(ROOT / "openapi.yaml"))
OF_NGINX = re.findall(r'"status":(\d+),.*?"error":"(\w+)".*?"nextStep":"(.*?)"(.*)', NGINX)


def answered() -> set[tuple[str, int]]:
    """Every code with every status that something answers with."""
    found = {(row.code, row.status) for row in (*TABLE.values(), INTERNAL)}
    found |= {(code, status) for status, code in ROUTING.items()}
    found |= {(code, status) for status, code in _KINDS.items()}
    found |= {(code, int(status)) for status, code, _, _ in OF_NGINX}
    return found | {("lock_contended", status) for status in (409, 423, 429, 503)}


def rows() -> dict[str, list[str]]:
    """The table of the documents: code → its other cells."""
    table = re.findall(r"^\| \[`(\w+)`\]\(#\1\) \| (.+) \|$", text_of(ROOT / "docs/reference/errors.md"), re.MULTILINE)
    return {code: cells.split(" | ") for code, cells in table}


def test_every_code_that_something_answers_with_is_in_the_table_with_its_statuses():
    assert {(code, status) for code, row in CODES.items() for status in row.statuses} == answered()


def test_the_table_of_the_documents_says_the_same():
    expected = {
        code: [", ".join(map(str, row.statuses)), row.happened, row.repeat, row.when, row.key]
        for code, row in CODES.items()
    }
    assert rows() == expected


def test_every_code_has_its_own_section_in_the_documents():
    sections = re.findall(r"^### `(\w+)`\n\n(.+)$", text_of(ROOT / "docs/reference/errors.md"), re.MULTILINE)
    assert [code for code, _ in sections] == list(CODES)
    assert [code for code, told in sections if not told.startswith(str(CODES[code].statuses[0]))] == []


def test_the_table_of_openapi_says_the_same():
    expected = {
        code: {
            "statuses": list(row.statuses),
            "happened": row.happened,
            "repeat": row.repeat,
            "when": row.when,
            "key": row.key,
            "nextStep": row.next_step,
        }
        for code, row in CODES.items()
    }
    assert OPENAPI["x-error-codes"] == expected


def test_every_code_names_the_next_step_in_a_sentence():
    assert [code for code, row in CODES.items() if not re.fullmatch(r"[A-Z].{10,}\.", row.next_step)] == []


def test_what_says_its_outcome_is_what_the_table_refers_to_it_for():
    says = {row.code for kind, row in TABLE.items() if issubclass(kind, Unavailable | RequestTimeout)}
    assert says | {INTERNAL.code, "no_answer"} == {code for code, row in CODES.items() if row.happened == OUTCOME}


@pytest.mark.parametrize(("status", "code", "step", "rest"), OF_NGINX, ids=[code for _, code, _, _ in OF_NGINX])
def test_the_proxy_tells_of_a_code_what_the_service_tells(status: str, code: str, step: str, rest: str):
    assert step == CODES[code].next_step
    assert ('"outcome":' in rest) == (CODES[code].happened == OUTCOME)
    where = NGINX.split(f'"type":"/problems/{code}"')[0].rsplit("location ", 1)[1]
    assert ('"retryAfterMs":1000' in rest) == ("add_header Retry-After 1 always;" in where)


@pytest.mark.parametrize("body", re.findall(r"return \d+ '(\{.*\})';", NGINX))
def test_a_problem_of_the_proxy_has_the_members_that_openapi_describes(body: str):
    problem = json.loads(re.sub(r":\$(\w+)", ":1", body.replace("$outcome_here", "none").replace("$outcome", "none")))
    schemas = OPENAPI["components"]["schemas"]
    codes = {
        name: schema["properties"]["error"].get("enum", ()) for name, schema in schemas.items() if _told_by(schema)
    }
    name = next((name for name, own in codes.items() if problem["error"] in own), "Problem")

    # No operation declares what is refused before its path is known.
    before = {"method_not_allowed", "uri_too_long", "headers_too_large", "not_implemented"}
    assert (name == "Problem") == (problem["error"] in before)
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}).validate(problem)


def _told_by(schema: dict) -> bool:
    return "error" in schema.get("properties", {}) and "type" in schema["properties"]


def test_every_status_that_leases_may_refuse_with_is_among_those_of_its_code():
    assert set(CODES["lock_contended"].statuses) == {409, 423, 429, 503}
    for status in CODES["lock_contended"].statuses:
        assert from_environment({"LOCK_REJECT_STATUS": str(status)}).lock_reject_status == status


def with_titles(part: Any) -> Iterator[tuple[str, str]]:
    """Code and title of every example in a part of openapi.yaml."""
    if isinstance(part, dict):
        if isinstance(part.get("error"), str) and isinstance(part.get("title"), str):
            yield part["error"], part["title"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from with_titles(inner)


def test_no_document_gives_a_code_another_title_than_the_service():
    proxied = [(code, title) for title, code in re.findall(r'"title":"([^"]+)".*?"error":"(\w+)"', NGINX)]
    described = list(with_titles(OPENAPI))

    assert proxied
    assert described
    assert [(code, title) for code, title in proxied + described if CODES[code].title != title] == []
