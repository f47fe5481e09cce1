"""The page that the site has of openapi.yaml."""

import re
import sys

import pytest
import yaml
from support.blocks import text_of
from support.checkout import ROOT

sys.path.append(str(ROOT / "scripts"))

from reference.api import api_page, operations
from reference.fields import Description, field_rows

OPENAPI = Description(yaml.safe_load(text_of(ROOT / "openapi.yaml")))
PAGE = api_page(OPENAPI)


def test_every_request_is_on_the_page_once() -> None:
    shown = re.findall(r"^```http\n(\w+) (\S+)\n```$", PAGE, re.MULTILINE)

    paths = OPENAPI["paths"].items()
    described = [(method.upper(), path) for path, item in paths for method in item if method != "parameters"]
    assert sorted(shown) == sorted(described)


def test_every_status_of_a_request_is_in_its_section() -> None:
    for _, _, operation in operations(OPENAPI):
        section = PAGE.split(f"\n### {operation['summary']}\n")[1].split("\n### ")[0]
        described = re.findall(r"^\| (\d{3}) \|", section, re.MULTILINE)
        refused = re.findall(r"(\d{3}) \[", section.partition("\nRefusals: ")[2])
        assert sorted(described + refused) == sorted(operation["responses"]), operation["operationId"]


def test_every_link_inside_the_page_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]

    linked = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert linked - set(anchors) == set()
    assert [anchor for anchor in linked if anchors.count(anchor) > 1] == []


@pytest.mark.parametrize(
    ("schema", "rows"),
    [
        (
            {"type": "object", "required": ["qty"], "properties": {"qty": {"type": "integer", "minimum": 1}}},
            [("`qty`, required", "integer, at least 1", "")],
        ),
        (
            {"properties": {"more": {"type": "string", "enum": ["yes"], "description": "A word."}, "live": {}}},
            [("`more`", "`yes`", "A word."), ("`live`", "any value", "")],
        ),
        (
            {"properties": {"reason": {"oneOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}}},
            [("`reason`", "string, at most 9 characters or null", "")],
        ),
        (
            {"properties": {"names": {"type": "array", "minItems": 1, "items": {"type": "string"}}}},
            [("`names`", "list of strings, at least 1 entry", "")],
        ),
        (
            {"properties": {"lines": {"type": "array", "items": {"properties": {"sku": {"enum": ["a", "b"]}}}}}},
            [("`lines`", "list of objects", ""), ("`lines[].sku`", "`a`, `b`", "")],
        ),
        (
            {"properties": {"named": {"$ref": "#/components/schemas/Named"}}},
            [("`named`", "[Named](#named)", "")],
        ),
    ],
)
def test_a_field_says_what_it_may_be(schema: dict[str, object], rows: list[tuple[str, str, str]]) -> None:
    named = {"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 9}}}

    assert list(field_rows(Description(components={"schemas": {"Named": named}}), schema)) == rows


def test_a_problem_shows_the_fields_that_not_all_problems_have() -> None:
    section = PAGE.split("\n### VersionConflictProblem\n")[1].split("\n### ")[0]

    assert "All fields of [Problem](#problem), and:" in section
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE)[:3] == ["status", "error", "currentVersion"]
    assert "nextStep" not in section


def test_one_of_several_problems_names_them_and_what_tells_them_apart() -> None:
    section = PAGE.split("\n### ReservationGoneProblem\n")[1].split("\n### ")[0]

    parts = "[ReservationExpiredProblem](#reservationexpiredproblem) or [HistoryGoneProblem](#historygoneproblem)"
    assert section.strip() == f"{parts}, told apart by `error`."
