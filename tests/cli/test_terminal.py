"""Progress bars are for people: drawn on a terminal, absent from a file."""

import io
import sys

import pytest

from inventory.cli.terminal import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar("checking") as progress:
        for done in (0, 250, 1000):
            progress(done, 1000)
    return stream.getvalue()


def test_on_a_terminal_the_bar_reaches_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn_on(Terminal(), monkeypatch)
    assert "checking" in text
    assert "100%" in text


def test_nothing_is_written_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn_on(io.StringIO(), monkeypatch) == ""


def test_an_empty_log_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar("checking") as progress:
        progress(0, 0)
