"""Paths are matched as they were sent: as werkzeug matches them where each word is spelt in the usual way."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.apps import RECORD, make_services
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, Rule

from inventory.web.app import create_app
from inventory.web.request_body import MAX_BODY_BYTES, MAX_LIST_BYTES, body_limit
from inventory.web.routing import PATH, PathAdapter, Routes, note_path

APP = create_app(make_services())
WORDS = sorted({word for rule in APP.url_map.iter_rules() for word in rule.rule.split("/")})
SEGMENTS = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
PATHS = st.lists(SEGMENTS, max_size=7)
OF_A_RULE = st.sampled_from([rule.rule.split("/") for rule in APP.url_map.iter_rules()])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])


def found_by(adapter: MapAdapter):
    try:
        return adapter.match(return_rule=True)
    except HTTPException as error:
        return type(error), sorted(getattr(error, "valid_methods", None) or ())


def of_werkzeug(path: str, method: str) -> MapAdapter:
    APP.url_map.merge_slashes = False
    return MapAdapter(APP.url_map, "", "", "", "http", path, method)


def of_ours(path: str, method: str) -> PathAdapter:
    return PathAdapter(APP.url_map, Routes(APP.url_map), "", path, method)


@given(PATHS.map(lambda path: ["", *path]) | OF_A_RULE, METHODS)
def test_every_path_is_matched_as_werkzeug_matches_it(path: list[str], method: str):
    decoded = "/".join(path)
    # Here a dot segment is no name, and a slash in a name does not end a segment.
    if {".", ".."} & set(decoded.split("/")) or any("/" in segment for segment in path):
        return
    sent = "/".join(quote(segment) for segment in path)
    assert found_by(of_ours(sent, method)) == found_by(of_werkzeug(decoded, method))


def test_every_rule_is_found_without_werkzeug():
    routes = Routes(APP.url_map)
    for rule in APP.url_map.iter_rules():
        path = rule.rule.replace("<", "").replace(">", "")
        for method in rule.methods:
            assert routes.find(method, path) == (rule, {name: name for name in rule.arguments})


def test_a_rule_with_a_name_that_is_no_whole_segment_is_refused_at_once():
    for rule in ("/a-<name>", "/<int:number>"):
        with pytest.raises(ValueError, match="whole segment"):
            Routes(Map([Rule(rule)]))


ALIASES = [
    "//stores",
    "/stores/",
    "/./stores",
    "/a/../stores",
    "/%2E/stores",
    "/%2e%2E/stores",
    "/.%2e/stores",
    "/%73tores",
    "/stores%2Fstore-1/inventory/sku-1",
    "/stores/store-1%2Finventory/sku-1",
    "/stores//inventory/sku-1",
    "/stores/./inventory/sku-1",
    "/stores/%2e%2e/inventory/sku-1",
    "/stores/store-1/./inventory/sku-1",
    "/stores/store-1/inventory/",
    "/stores/store-1/inventory/.",
    "/stores/store-1/inventory/%2E%2E",
    "/stores/store-1/inventor%79/sku-1",
    "/inventory/./sku-1",
    "/STORES",
    "/stores;a",
    "stores",
    "",
    "*",
]


@pytest.mark.parametrize("path", ALIASES)
def test_a_path_has_one_spelling(stocked, path: str):
    answer = stocked.get("/", environ_overrides={"RAW_URI": path, "PATH_INFO": RECORD})
    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/inventory/./batch", "/inventor%79/batch", "//inventory/batch", "/inventory%2Fbatch"]
)
def test_a_batch_has_no_second_path_and_no_second_limit(client, path: str):
    refused = client.post("/inventory/batch", data=b"x" * (MAX_BODY_BYTES + 1), environ_overrides={"RAW_URI": path})
    assert (refused.status_code, refused.json["limit"]) == (413, MAX_BODY_BYTES)
    answer = client.post("/inventory/batch", json={}, environ_overrides={"RAW_URI": path})
    assert answer.status_code == 404


def test_a_name_may_be_percent_encoded_and_holds_no_further_segment(stocked):
    encoded = RECORD.replace("sku-1", "%73ku%2D1")
    answer = stocked.get("/", environ_overrides={"RAW_URI": encoded})
    assert (answer.status_code, answer.json["sku"]) == (200, "sku-1")
    refused = stocked.get("/", environ_overrides={"RAW_URI": f"{RECORD}%2Fhistory"})
    assert (refused.status_code, refused.json["error"]) == (400, "validation_error")


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/inventory/batch", MAX_LIST_BYTES),
        ("/reservations/a/commit", MAX_LIST_BYTES),
        ("/transfers", MAX_LIST_BYTES),
        ("/%72eservations", MAX_BODY_BYTES),
        ("//transfers", MAX_BODY_BYTES),
        ("/stores/a/inventory/b", MAX_BODY_BYTES),
    ],
)
def test_the_limit_of_a_body_hangs_on_the_path_as_it_was_sent(path: str, limit: int):
    assert body_limit({PATH: path}) == limit


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"RAW_URI": "/a%2Fb?c=/d?e"}, "/a%2Fb"),
        ({"PATH_INFO": "/a b", "QUERY_STRING": "c=d"}, "/a%20b"),
        ({"RAW_URI": "/shop/a", "SCRIPT_NAME": "/shop", "PATH_INFO": "/a"}, "/a"),
        ({"SCRIPT_NAME": "/shop", "PATH_INFO": "/a"}, "/a"),
    ],
)
def test_the_path_is_what_was_sent_below_where_the_application_is_mounted(environ: dict[str, str], path: str):
    note_path(environ)
    assert environ[PATH] == path
