"""Clients can cause a bounded amount of log only: the length of a line, and the lines of one kind."""

import logging
from collections.abc import Iterator

import pytest
from support.apps import RECORD

from inventory.resilience.counter import LocalCounter
from inventory.web import logs
from inventory.web.log_limits import (
    INTERVAL_SECONDS,
    LINES_AT_MOST,
    LONGEST_URL,
    WarningLimit,
    shortened,
)
from inventory.web.log_lines import LineFormatter

MANY = 500


class Lines(logging.Handler):
    """What passes the limit. The clock of the limit is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.records: list[logging.LogRecord] = []
        self.addFilter(WarningLimit(lambda: self.now))

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def left_out(self) -> list[int]:
        return [record.leftOut for record in self.records if hasattr(record, "leftOut")]


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, Lines]]:
    logger, lines = logging.getLogger("test.limits"), Lines()
    logger.propagate = False
    logger.addHandler(lines)
    yield logger, lines
    WarningLimit.tell(at_once=True)
    logger.removeHandler(lines)


def warn(logger: logging.Logger, times: int = 1) -> None:
    for number in range(times):
        logger.warning("client %d stalls", number)


def test_of_warnings_of_one_kind_a_few_are_written_and_the_others_counted(log, monkeypatch):
    logger, lines = log
    counted = LocalCounter()
    monkeypatch.setattr(WarningLimit, "_count", WarningLimit._count)
    WarningLimit.count_with(counted)
    warn(logger, MANY)
    assert (len(lines.records), counted.count) == (LINES_AT_MOST, MANY - LINES_AT_MOST)
    WarningLimit.tell()
    assert lines.left_out == []
    lines.now = INTERVAL_SECONDS
    WarningLimit.tell()
    WarningLimit.tell()
    assert lines.left_out == [MANY - LINES_AT_MOST]
    assert lines.records[-1].getMessage() == (
        f"{MANY - LINES_AT_MOST} similar lines were suppressed; the last: client {MANY - 1} stalls"
    )


def test_in_the_next_interval_lines_are_written_again_behind_the_count(log):
    logger, lines = log
    warn(logger, MANY)
    lines.now = INTERVAL_SECONDS
    warn(logger, MANY)
    assert len(lines.records) == 2 * LINES_AT_MOST + 1
    assert lines.left_out == [MANY - LINES_AT_MOST]


def test_of_however_many_kinds_there_are_each_is_counted(log):
    logger, lines = log
    kinds = 3 * LINES_AT_MOST
    for place in range(kinds):
        for _ in range(MANY):
            logger.handle(logging.LogRecord("test.limits", logging.WARNING, f"place-{place}", 1, "m", (), None))
    lines.now = INTERVAL_SECONDS
    WarningLimit.tell()
    assert lines.left_out == [MANY - LINES_AT_MOST] * kinds


def test_what_is_left_out_is_told_at_the_end(log):
    logger, lines = log
    warn(logger, MANY)
    logs.flush()
    assert lines.left_out == [MANY - LINES_AT_MOST]


def test_warnings_from_elsewhere_and_errors_are_all_written(log):
    logger, lines = log
    warn(logger, MANY)
    logger.warning("something else")
    for _ in range(MANY):
        logger.error("a fault")
    assert len(lines.records) == LINES_AT_MOST + 1 + MANY


def test_no_more_than_a_few_is_left_out_of_a_few(log):
    logger, lines = log
    warn(logger, LINES_AT_MOST)
    lines.now = INTERVAL_SECONDS
    WarningLimit.tell(at_once=True)
    assert len(lines.records) == LINES_AT_MOST


@pytest.mark.parametrize(
    "url", ["/" + "x" * 3000, "/" + '"' * 3000, "/?" + "\\" * 3000, RECORD + "?q=" + "%C3%BC" * 900]
)
def test_the_line_of_a_request_has_a_bound_whatever_the_client_sends(client, monkeypatch, url):
    lines: list[str] = []
    monkeypatch.setattr(logs, "requests_are_logged", lambda: True)
    monkeypatch.setattr(logs, "log_request", _noting(lines, logs.log_request))
    client.get("/", headers={"X-Request-Id": '"' * 128}, environ_overrides={"RAW_URI": url})
    (line,) = lines
    assert len(line.encode()) <= 1100
    assert f"… ({len(url)} characters)" in line


def test_a_url_that_is_not_long_is_complete(client, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(logs, "requests_are_logged", lambda: True)
    monkeypatch.setattr(logs, "log_request", _noting(lines, logs.log_request))
    url = "/" + "x" * (LONGEST_URL - 1)
    client.get(url)
    assert f'"url":"{url}"' in lines[0]


def _noting(lines, log_request):
    class Writer:
        def put(self, item):
            lines.append(LineFormatter().line(item))

    class Handler:
        writer = Writer()

    def note(*told):
        before = logs._Configured.handler
        logs._Configured.handler = Handler()
        try:
            log_request(*told)
        finally:
            logs._Configured.handler = before

    return note


def test_any_other_line_has_a_bound_too_and_a_trace_keeps_its_end():
    try:
        raise RuntimeError("x" * 100_000 + " the end")
    except RuntimeError as error:
        told = (RuntimeError, error, error.__traceback__)
    record = logging.LogRecord("a", logging.ERROR, "", 1, "y" * 100_000, (), told)
    record.reason = "z" * 100_000
    line = LineFormatter().line(record)
    assert len(line) <= 11_000
    assert "the end" in line


def test_what_was_cut_says_how_long_it_was():
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "abc… (4 characters)")
