"""The description of the API and its page, as the package has them."""

import json
import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from flask.testing import FlaskClient
from support.apps import make_services

import inventory.web
from inventory.eventlog.unavailable_ledger import UnavailableLedger
from inventory.server.listen_address import url
from inventory.web.api_description import FILES
from inventory.web.app import create_app

PACKAGE = Path(inventory.web.__file__).parent
VIEWER = PACKAGE / "viewer"


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_the_package_is_answered_as_it_is(client: FlaskClient, path: str):
    name, media_type = FILES[path]

    response = client.get(path)

    assert (response.status_code, response.content_type) == (200, media_type)
    assert response.data == (PACKAGE / name).read_bytes()


def test_both_forms_describe_the_same(client: FlaskClient):
    as_json, as_yaml = client.get("/openapi.json"), client.get("/openapi.yaml")

    assert json.loads(as_json.data) == yaml.safe_load(as_yaml.data)
    assert as_json.json["paths"]["/capabilities"]["get"]["operationId"] == "readCapabilities"


@pytest.mark.parametrize("path", FILES)
def test_a_client_that_has_it_already_gets_no_body(client: FlaskClient, path: str):
    tag = client.get(path).headers["ETag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = client.get(path, headers={"If-None-Match": known})
        assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", FILES)
def test_head_has_the_headers_and_no_body(client: FlaskClient, path: str):
    got, asked = client.get(path), client.head(path)

    assert (asked.status_code, asked.data) == (200, b"")
    of_answer = ("X-Request-Id",)
    assert [pair for pair in asked.headers if pair[0] not in of_answer] == [
        pair for pair in got.headers if pair[0] not in of_answer
    ]


@pytest.mark.parametrize("path", FILES)
def test_nothing_but_this_server_may_be_asked_by_the_page(client: FlaskClient, path: str):
    policy = client.get(path).headers["Content-Security-Policy"]

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert {source for sources in rules.values() for source in sources.split()} == {"'none'", "'self'", "data:"}
    assert {name for name, sources in rules.items() if "data:" in sources} == {"img-src"}


def test_the_page_names_no_other_host_and_only_files_that_are_there(client: FlaskClient):
    named = re.findall(r'(?:href|src)="([^"]*)"', client.get("/docs").text)

    assert [name for name in named if name != "data:," and client.get(f"/{name}").status_code != 200] == []
    assert [name for name in named if name.startswith("/")] == [], "behind a proxy it may have another place"
    for own in ("page.html", "start.js", "page.css"):
        assert "://" not in (VIEWER / own).read_text()


@pytest.mark.parametrize("path", ["/docs/", "/docs/viewer.json", "/docs/LICENSE", "/docs/..%2Fapp.py", "/openapi"])
def test_no_other_file_of_the_package_is_given_out(client: FlaskClient, path: str):
    response = client.get(path)

    assert (response.status_code, response.json["error"]) == (404, "not_found")


def test_the_viewer_is_the_release_that_the_note_names():
    note = json.loads((VIEWER / "viewer.json").read_text())
    found = {file.name: sha256(file.read_bytes()).hexdigest() for file in (VIEWER / "swagger-ui").iterdir()}

    assert found == note["sha256"], "run scripts/refresh_viewer.py"
    assert {"LICENSE", "NOTICE"} <= found.keys()


def test_a_process_that_could_not_open_its_folder_still_describes_itself():
    client = create_app(make_services(UnavailableLedger("no such folder", lambda: 0))).test_client()

    assert [path for path in FILES if client.get(path).status_code != 200] == []


def test_a_file_of_more_than_256_kib_is_a_large_read():
    services = make_services(concurrency_reads=1)
    client = create_app(services).test_client()
    assert services.large_reads.enter()

    assert client.get("/docs/swagger-ui-bundle.js").status_code == 503
    assert client.get("/docs").status_code == 200


def test_the_page_that_a_server_says_to_open_is_there(client: FlaskClient):
    answer = client.get(urlsplit(url("127.0.0.1", 3000)).path)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
