"""On a terminal a server prints the URL to open."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from support.gunicorn_stand_ins import master

from inventory.server import hooks as hooks_module
from inventory.server.hooks import Hooks


class Terminal(io.StringIO):
    """An output that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> Hooks:
    """Hooks of a server that a person has started; its signals are left as they are."""
    monkeypatch.setattr(hooks_module, "end_gently_on_sigint", lambda: None)
    monkeypatch.setattr(hooks_module, "let_signals_end_booting_workers", lambda: None)
    monkeypatch.setattr(hooks_module, "sys", SimpleNamespace(stderr=Terminal()))
    return hooks


@pytest.mark.parametrize(
    ("listens_on", "url"),
    [
        (("127.0.0.1", 3001), "http://127.0.0.1:3001/"),
        (("0.0.0.0", 3001), "http://127.0.0.1:3001/"),
        (("::", 3001, 0, 0), "http://[::1]:3001/"),
        (("203.0.113.7", 3001), "http://203.0.113.7:3001/"),
    ],
)
def test_on_a_terminal_a_server_says_where_to_open_it(
    on_terminal: Hooks, caplog: pytest.LogCaptureFixture, listens_on: Any, url: str
) -> None:
    listener = SimpleNamespace(sock=SimpleNamespace(getsockname=lambda: listens_on))
    caplog.set_level("INFO")
    on_terminal.when_ready(master(LISTENERS=[listener]))
    assert [record.getMessage().startswith(f"Open {url}") for record in caplog.records] == [True]


def test_a_socket_of_unix_has_no_page_to_open(on_terminal: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    listener = SimpleNamespace(sock=SimpleNamespace(getsockname=lambda: "/run/inventory.sock"))
    caplog.set_level("INFO")
    on_terminal.when_ready(master(LISTENERS=[listener]))
    assert caplog.records == []


def test_elsewhere_it_does_not(
    on_terminal: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listener = SimpleNamespace(sock=SimpleNamespace(getsockname=lambda: ("127.0.0.1", 3001)))
    monkeypatch.setattr(hooks_module, "sys", SimpleNamespace(stderr=io.StringIO()))
    caplog.set_level("INFO")
    on_terminal.when_ready(master(LISTENERS=[listener]))
    assert caplog.records == []
