"""The log: one JSON line for each request, and the request's id on every line."""

import logging
import os

import pytest
from flask import Flask
from support.apps import ADJUST, RECORD, FailingLedger, json_lines, make_services

from inventory.web import logs
from inventory.web.app import create_app
from inventory.web.logs import configure_logging


@pytest.fixture
def log_file(tmp_path):
    descriptor = os.open(tmp_path / "log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    yield descriptor
    logs.stop()
    os.close(descriptor)


@pytest.fixture
def lines(log_file):
    """Logging at info; called, gives what has been logged so far."""
    level = logging.getLogger().level
    configure_logging("info", "json", log_file)
    yield lambda: written(log_file)
    logging.getLogger().setLevel(level)


def written(descriptor):
    assert logs.flush()
    return json_lines(os.pread(descriptor, 10**6, 0))


def test_a_request_is_one_line(client, lines):
    client.put(RECORD, json={"onHand": 1}, headers={"X-Request-Id": "r-1"})

    (line,) = lines()
    assert list(line) == ["time", "level", "logger", "method", "url", "status", "durationMs", "requestId"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["logger"]) == ("INFO", "inventory.request")
    assert (line["method"], line["url"], line["status"], line["requestId"]) == ("PUT", RECORD, 201, "r-1")
    assert 0 < line["durationMs"] < 60_000


def test_a_line_has_the_query(client, lines):
    client.get("/stores?limit=3&prefix=a%20b")

    assert lines()[0]["url"] == "/stores?limit=3&prefix=a%20b"


def test_a_url_cannot_begin_a_line_of_its_own(client, lines):
    client.get('/stores/%0A{"level":"x"}%22\\', environ_overrides={"RAW_URI": '/a\n{"level": "x"}\u2028\x1b[31m'})
    client.get("/stores/%0A%22")

    assert len(lines()) == 2


def test_without_the_servers_own_url_the_path_is_escaped_again(client, lines):
    environ = {"PATH_INFO": "/a\nb", "QUERY_STRING": "x=1", "SCRIPT_NAME": "/root"}
    app = client.application.wsgi_app
    app(environ | {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}, lambda *_: None)

    assert lines()[0]["url"] == "/root/a%0Ab?x=1"


def test_every_line_of_a_request_has_its_id(lines):
    client = create_app(make_services(FailingLedger(change=RuntimeError("boom")))).test_client()
    client.post(ADJUST, json={"delta": 1}, headers={"X-Request-Id": "r-1"})

    fault, request = lines()
    assert (fault["level"], fault["requestId"], request["requestId"]) == ("ERROR", "r-1", "r-1")
    assert "RuntimeError: boom" in fault["exc_info"]


def test_a_line_outside_of_a_request_has_no_id(client, lines):
    client.get("/health")
    logging.getLogger("inventory.worker").warning("pass %d failed", 7)

    line = lines()[1]
    assert (line["message"], line["logger"], line["requestId"]) == ("pass 7 failed", "inventory.worker", None)


def test_a_line_says_what_its_arguments_were_when_it_was_logged(lines):
    argument = [1]
    logging.getLogger("x").warning("%s", argument)
    argument.append(2)

    assert lines()[0]["message"] == "[1]"


def test_a_wrong_log_call_fails_no_request(lines, capsys):
    record = logging.getLogger("x").makeRecord("x", logging.WARNING, __file__, 1, "%d", ("seven",), None)
    logs._Configured.handler.handle(record)
    logging.getLogger("x").warning("fine")

    assert [line["message"] for line in lines()] == ["fine"]


@pytest.mark.parametrize("value", [float("nan"), 10**30, "\ud800", object(), b"\xff"])
def test_whatever_is_logged_becomes_one_line(lines, value):
    logging.getLogger("x").warning("value", extra={"value": value})

    assert [line["message"] for line in lines()] == ["value"]


@pytest.mark.parametrize(("level", "count"), [("debug", 1), ("info", 1), ("warning", 0), ("error", 0)])
def test_requests_are_logged_from_info_down(client, log_file, level, count):
    configure_logging(level, "json", log_file)
    client.get("/health")

    assert len(written(log_file)) == count


def test_without_logging_requests_are_answered_all_the_same(client):
    assert client.get("/health").status_code == 200


def test_lines_that_are_lost_are_counted_in_the_metrics(client, lines, monkeypatch):
    assert logs._Configured.handler is not None
    monkeypatch.setattr(logs._Configured.handler.writer, "_capacity", 0)
    for _ in range(3):
        client.get("/health")

    # The line of the request before counts; that of this one is lost after its answer.
    assert client.get("/metrics").json["logLinesDropped"] == 3


def test_the_request_id_is_gone_after_the_request(app: Flask):
    app.test_client().get("/health", headers={"X-Request-Id": "r-1"})

    assert logs.request_id.get() is None
