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
            {"$ref": "#/components/schemas/Named", "properties": {"more": {"const": "yes", "description": "A word."}}},
            [("`name`", "string, 1 to 9 characters", ""), ("`more`", "`yes`", "A word.")],
        ),
        (
            {"properties": {"names": {"type": "array", "minItems": 1, "items": {"type": "string"}}}},
            [("`names`", "list of strings, at least 1 entry", "")],
        ),
        (
            {"properties": {"lines": {"type": "array", "items": {"properties": {"sku": {"enum": ["a", None]}}}}}},
            [("`lines`", "list of objects", ""), ("`lines[].sku`", "`a`, `null`", "")],
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
