"""openapi.yaml is valid, complete, and what the app does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import allow_header_conformance, negative_data_rejection
from support.apps import make_services

from inventory.web.api_description import FILES
from inventory.web.app import create_app
from inventory.web.metrics import _JSON_NAMES
from inventory.web.pages import cursor_of_name

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
SPEC = yaml.safe_load(DOCUMENT.read_text())
METHODS = ("get", "put", "post", "delete", "patch")

STORES = ("berlin-1", "store-2")
SKUS = ("TEA-200", "sku-1")
LARGEST = 9007199254740991


def stocked_app():
    """An app with a few records, so that examples and generated names meet something."""
    # Nothing is refused for what the machine is busy with, or for how many operations were generated before.
    app = create_app(make_services(rate_limit_rps=0, commit_wait_ms=60_000))
    client = app.test_client()
    for store in STORES:
        for sku in SKUS:
            client.put(f"/stores/{store}/inventory/{sku}", json={"onHand": 1000})
    return app


def documented_app():
    """The same, which also gives out its document: that is how schemathesis finds it."""
    app = stocked_app().wsgi_app

    def serve(environ, start_response):
        if environ["PATH_INFO"] == "/openapi.yaml":
            start_response("200 OK", [("Content-Type", "application/yaml")])
            return [DOCUMENT.read_bytes()]
        return app(environ, start_response)

    return serve


schemathesis.openapi.format("cursor", st.sampled_from(SKUS).map(cursor_of_name))
schemathesis.openapi.format("letter-cursor", st.integers(1, 30).map(str).map(cursor_of_name))
schemathesis.openapi.format("reservation-cursor", st.integers(0, LARGEST).map(str))
# What has happened already.
schemathesis.openapi.format("history-cursor", st.just("1"))
schemathesis.openapi.format("feed-cursor", st.integers(0, len(STORES)).map(str))
# 412 is what a well-formed request meets whose condition does not hold.
ACCEPTED = ["2xx", "304", "404", "409", "410", "412"]
CONFIG = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}})
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.yaml", documented_app(), config=CONFIG)


def whole(value):
    """The same, with 1 for every 1.0."""
    match value:
        case dict():
            return {name: whole(inner) for name, inner in value.items()}
        case list():
            return [whole(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
    return value


def with_one_note(body):
    """An atomic batch whose operations do not differ in what its one event can say once."""
    if isinstance(body, dict) and body.get("atomic") is True and isinstance(body.get("operations"), list):
        for operation in body["operations"]:
            for name in ("ttlMs", "reason", "reference"):
                operation.pop(name, None) if isinstance(operation, dict) else None
    return body


@SCHEMA.hook
def map_case(context, case):
    """No schema can say that 1.0 is no whole number, or that one header excludes or needs another, or a member."""
    case.body = with_one_note(whole(case.body))
    if isinstance(case.body, dict) and case.operation.label.endswith(("/commit", "/release")) and "lines" in case.body:
        case.body.setdefault("expectedVersion", 1)
    if isinstance(case.body, dict) and case.body.get("from", "") == case.body.get("to"):
        case.body["to"] = f"x{case.body['to'][:60]}"
    headers = case.headers or {}
    _ask_for_what_has_happened(case)
    expects = "If-Match" in headers or (isinstance(case.body, dict) and "expectedVersion" in case.body)
    if expects and headers.get("If-None-Match") == "*":
        del case.headers["If-None-Match"]
    return case


def _ask_for_what_has_happened(case):
    """Nor that a sequence or a version has been there already; and waiting takes time."""
    query = case.query or {}
    for name, end in {"asOfSequence": len(STORES), "wait": 1}.items():
        if _is_whole(query.get(name), 0, 25 if name == "wait" else LARGEST):
            query[name] = int(query[name]) % end
    if isinstance(case.body, dict) and type(case.body.get("countedAtVersion")) is int:
        del case.body["countedAtVersion"]


def _is_whole(value, least, most):
    return re.fullmatch("[0-9]+", str(value)) is not None and least <= int(value) <= most


@SCHEMA.parametrize()
@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_app_does_what_the_document_says(case):
    # A SKU may be called "batch", so OPTIONS of the path of batches rightly names GET too.
    excluded = [allow_header_conformance] if case.path == "/inventory/batch" else []
    # Of a body that may be left out, leaving it out is generated as wrong too.
    if not getattr(getattr(case.meta, "phase", None) and case.meta.phase.data, "mutations", True):
        excluded.append(negative_data_rejection)
    case.call_and_validate(excluded_checks=excluded)


def test_the_document_is_valid():
    validate(SPEC)


def operations() -> Iterator[tuple[str, str]]:
    for path, item in SPEC["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), re.sub(r"\{\w+\}", "{}", path)


def routes(app) -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"<\w+>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_documented_and_every_documented_route_is_there(app):
    # What shows the description is not part of it.
    assert set(operations()) == routes(app) - {("GET", path) for path in FILES}


def test_every_metric_is_documented():
    assert set(SPEC["components"]["schemas"]["Metrics"]["properties"]) == set(_JSON_NAMES.values())


def with_examples(node, path="") -> Iterator[tuple[str, dict, object]]:
    if isinstance(node, dict):
        for name, example in (node.get("examples") or {}).items() if "schema" in node else ():
            yield f"{path}/{name}", node["schema"], example["value"]
        if {"example", "schema"} <= node.keys():
            yield path, node["schema"], node["example"]
        for key, value in node.items():
            yield from with_examples(value, f"{path}/{key}")


@pytest.mark.parametrize(("schema", "value"), [pytest.param(s, v, id=p) for p, s, v in with_examples(SPEC)])
def test_every_example_is_as_its_schema_says(schema, value):
    Draft202012Validator({**schema, "components": SPEC["components"]}).validate(value)
