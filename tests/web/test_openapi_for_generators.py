"""openapi.yaml and what is made from it: what generators of clients can use, and what the code does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from flask import Flask, request
from openapi_spec_validator import validate
from support.checkout import ROOT

import inventory
from inventory.domain.reservation import Ending
from inventory.web.error_codes import CODES
from inventory.web.error_statuses import INTERNAL, TABLE

SPEC = yaml.safe_load((ROOT / "openapi.yaml").read_text())
PACKAGED = Path(inventory.__file__).parent / "web/openapi"
METHODS = ("get", "put", "post", "delete", "patch")


def nodes(node, path="") -> Iterator[tuple[str, dict]]:
    """Every mapping of the document, with its place."""
    if isinstance(node, dict):
        yield path, node
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from nodes(value, f"{path}/{key}")


def test_no_construct_is_used_that_generators_drop():
    """A `$ref` beside other members, a list of types, `const`, `allOf` and `unevaluatedProperties`."""
    dropped = [
        path
        for path, node in nodes({name: part for name, part in SPEC.items() if name != "x-error-codes"})
        if ("$ref" in node and len(node) > 1)
        or isinstance(node.get("type"), list)
        or node.keys() & {"const", "allOf", "unevaluatedProperties"}
        or (node.get("type") == "array" and "items" not in node)
        or ("enum" in node and "type" not in node and not path.endswith("/not"))
    ]
    assert dropped == []


def test_every_operation_has_an_id_of_its_own():
    ids = [item[method].get("operationId") for item in SPEC["paths"].values() for method in METHODS if method in item]

    assert [each for each in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", each or "")] == []
    assert len(set(ids)) == len(ids)


def test_every_cursor_is_a_string():
    cursors = [node["nextCursor"] for _, node in nodes(SPEC) if isinstance(node.get("nextCursor"), dict)]

    assert {str(each.get("type", each.get("oneOf"))) for each in cursors} == {
        "string",
        "[{'type': 'string'}, {'type': 'null'}]",
    }


def problems() -> dict[str, dict]:
    """The schemas of problems by name, but for `Problem` and those that are one of several."""
    named = SPEC["components"]["schemas"].items()
    return {
        n: schema
        for n, schema in named
        if n.endswith("Problem") and "properties" in schema and "error" in schema["properties"]
    }


def test_each_problem_requires_its_codes_and_no_two_problems_share_one():
    own = {name: schema for name, schema in problems().items() if name != "Problem"}
    codes = [code for schema in own.values() for code in schema["properties"]["error"]["enum"]]

    assert [name for name, schema in own.items() if not {"error", "status"} <= {*schema["required"]}] == []
    assert len(set(codes)) == len(codes)


def test_every_code_that_an_error_can_have_is_documented():
    documented = {code for schema in problems().values() for code in schema["properties"]["error"].get("enum", ())}

    assert {row.code for row in (*TABLE.values(), INTERNAL)} - documented == set()


def test_each_problem_has_the_statuses_of_its_codes():
    for schema in problems().values():
        codes = schema["properties"]["error"].get("enum", ())
        statuses = {status for code in codes for status in CODES[code].statuses}
        assert not codes or {*schema["properties"]["status"]["enum"]} == statuses, codes


def test_every_change_declares_what_any_change_may_be_refused_with():
    """408, 413 and 415 of its body, 423 and 429 of leases, too, 410 of a key whose answer was deleted."""
    of_bodies = {"400", "408", "413", "415", "429", "500", "503"}
    operations = [part for item in SPEC["paths"].values() for name, part in item.items() if name in METHODS]
    changes = {part["operationId"]: {*part["responses"]} for part in operations if "requestBody" in part}

    lacking = {name: (of_bodies | {"404", "409", "410", "423"}) - declared for name, declared in changes.items()}
    # A pass over the views changes no stock.
    assert {name: statuses for name, statuses in lacking.items() if statuses} == {
        "syncNow": {"404", "409", "410", "423"}
    }


def test_every_union_of_problems_is_told_apart_by_error():
    for name, schema in SPEC["components"]["schemas"].items():
        if name.endswith("Problem") and "oneOf" in schema:
            parts = {part["$ref"].rpartition("/")[2] for part in schema["oneOf"]}
            expected = {code: f"#/components/schemas/{part}" for part in parts for code in codes_of(part)}
            assert schema["discriminator"] == {"propertyName": "error", "mapping": expected}


def codes_of(name: str) -> list[str]:
    return SPEC["components"]["schemas"][name]["properties"]["error"]["enum"]


def test_the_types_of_events_are_those_that_the_code_writes():
    package = Path(inventory.__file__).parent
    texts = "".join(path.read_text() for path in (package / "domain").glob("*.py"))
    written = set(re.findall(r'"((?:stock|policy|reservation|record|ledger)\.[a-z]+)"', texts))
    endings = {f"reservation.{ending}" for ending in get_args(Ending)}

    kind = SPEC["components"]["schemas"]["Event"]["properties"]["type"]
    assert set(kind["x-extensible-enum"]) == written | endings
    assert [each for each in kind["x-extensible-enum"] if f"`{each}`" not in kind["description"]] == []


def test_the_package_has_the_same_description_with_open_answers_and_json_only():
    served = json.loads((PACKAGED / "openapi.json").read_text())

    assert served == yaml.safe_load((PACKAGED / "openapi.yaml").read_text())
    assert opened(served) == opened({**SPEC, "components": {**SPEC["components"], "x-fields": None}})
    closed = {
        path.split("/")[3]
        for path, node in nodes(served)
        if "additionalProperties" in node and path.startswith("/components/schemas")
    }
    assert {"Adjust", "Hold", "CountOperation"} <= closed
    assert closed & {"Record", "EventPage", "ConflictProblem", "VersionConflictProblem"} == set()
    validate(served)


def opened(node):
    match node:
        case {"application/json": content, **_others}:
            return {"application/json": opened(content)}
        case dict():
            kept = ((name, inner) for name, inner in node.items() if (name, inner) != ("additionalProperties", False))
            return {name: opened(inner) for name, inner in kept if name != "x-fields"}
        case list():
            return [opened(inner) for inner in node]
    return node


def test_an_answer_with_a_status_or_a_member_that_is_not_described_is_told():
    other = Flask("other")
    other.get("/health")(lambda: ({"status": "ok", "since": 7}, 200) if request.args else ({}, 418))
    client = other.test_client()

    with pytest.raises(AssertionError, match=r"does not describe GET /health: 418 as application/json"):
        client.get("/health")
    with pytest.raises(AssertionError, match=r"does not describe GET /health: 200 at \$: .*'since' was unexpected"):
        client.get("/health?since=7")
