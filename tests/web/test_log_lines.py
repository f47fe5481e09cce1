"""The log as text: for people on a terminal, one line for each entry, and no client can forge a line."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.web.log_lines import LineFormatter, RequestLine, TextFormatter, formatter

AT_NS = 1_780_000_000_123_456_789


def record(message: str = "done", level: int = logging.INFO, name: str = "inventory.sync", **more: object):
    made = logging.LogRecord(name, level, __file__, 1, message, (), more.pop("exc_info", None))
    made.created = AT_NS / 1e9
    for key, value in more.items():
        setattr(made, key, value)
    return made


def request(url: str = "/stores", request_id: str = "till-7") -> RequestLine:
    return RequestLine("GET", url, 200, 1_234_567, request_id, AT_NS)


@pytest.fixture
def terminal() -> Iterator[int]:
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def pipe() -> Iterator[int]:
    ours, theirs = os.pipe()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_auto_is_text_on_a_terminal_and_json_elsewhere(terminal: int, pipe: int):
    assert isinstance(formatter("auto", terminal), TextFormatter)
    assert isinstance(formatter("auto", pipe), LineFormatter)


@pytest.mark.parametrize(("form", "kind"), [("json", LineFormatter), ("text", TextFormatter)])
def test_a_form_that_is_asked_for_is_used_everywhere(terminal: int, pipe: int, form: str, kind: type):
    assert {type(formatter(form, terminal)), type(formatter(form, pipe))} == {kind}


def test_a_request_is_one_line_with_what_json_has():
    said = TextFormatter(coloured=False).line(request())
    assert said == "2026-05-28T20:26:40.123456Z INFO    GET /stores 200 1.2 ms till-7"


def test_a_record_is_one_line_with_its_logger_its_request_and_what_was_added():
    said = TextFormatter(coloured=False).line(record("wait a moment", logging.WARNING, leftOut=3, requestId="till-7"))
    assert said.endswith("Z WARNING inventory.sync: wait a moment leftOut=3 requestId=till-7")


def test_a_record_without_a_request_does_not_name_one():
    assert "requestId" not in TextFormatter(coloured=False).line(record(requestId=None))


def test_lines_of_the_server_do_not_name_gunicorns_logger():
    said = TextFormatter(coloured=False).line(record("Listening", name="gunicorn.error"))
    assert said.endswith("Z INFO    Listening")


def test_below_an_error_stands_its_trace_indented():
    try:
        raise ValueError("first\nsecond \x1b[31m")
    except ValueError:
        made = record("failed", logging.ERROR, exc_info=sys.exc_info())
    first, *others = TextFormatter(coloured=False).line(made).split("\n")
    assert first.endswith("ERROR   inventory.sync: failed")
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-2:] == ["    ValueError: first", "    second \\x1b[31m"]
    assert all(line.startswith("    ") for line in others)


texts = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(["\n", "\r", "\x1b[2J", "\u2028", "\ud800"])


@given(texts, texts)
def test_no_text_can_begin_a_line_or_control_the_terminal(text: str, request_id: str):
    plain = TextFormatter(coloured=False)
    for line in (plain.line(request(text, request_id)), plain.line(record(text, requestId=request_id, added=text))):
        assert line.isprintable()
        assert line.encode()


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_warnings_are_coloured_on_a_terminal_that_takes_colours(
    terminal: int, pipe: int, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_coloured: bool
):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    warning = record(level=logging.WARNING)
    assert ("\x1b[33mWARNING\x1b[0m" in formatter("auto", terminal).line(warning)) == is_coloured
    assert "\x1b" not in formatter("text", pipe).line(warning)
    assert "\x1b" not in formatter("auto", terminal).line(request())
