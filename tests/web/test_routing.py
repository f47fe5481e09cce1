"""Paths are matched as werkzeug matches them, only sooner."""

from hypothesis import given
from hypothesis import strategies as st
from web.apps import make_services
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from inventory.web.app import create_app
from inventory.web.routing import PathAdapter, Routes

APP = create_app(make_services())
WORDS = sorted({word for rule in APP.url_map.iter_rules() for word in rule.rule.split("/")})
PATHS = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=7).map("/".join)
OF_A_RULE = st.sampled_from([rule.rule for rule in APP.url_map.iter_rules()])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"])


def found_by(adapter: MapAdapter):
    try:
        return adapter.match(return_rule=True)
    except HTTPException as error:
        return type(error), getattr(error, "valid_methods", None)


def of_werkzeug(path: str, method: str) -> MapAdapter:
    return MapAdapter(APP.url_map, "", "", "", "http", path, method)


def of_ours(path: str, method: str) -> PathAdapter:
    return PathAdapter(APP.url_map, Routes(APP.url_map), "", path, method)


@given(PATHS | PATHS.map("/{}".format) | OF_A_RULE, METHODS)
def test_every_path_is_matched_as_werkzeug_matches_it(path: str, method: str):
    assert found_by(of_ours(path, method)) == found_by(of_werkzeug(path, method))


def test_every_rule_is_found_without_werkzeug():
    routes = Routes(APP.url_map)
    for rule in APP.url_map.iter_rules():
        path = rule.rule.replace("<", "").replace(">", "")
        for method in rule.methods:
            assert routes.find(method, path) == (rule, {name: name for name in rule.arguments})
