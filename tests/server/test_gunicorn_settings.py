"""The gunicorn settings, as gunicorn itself parses them."""

import importlib.util
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ObsoleteFolding
from gunicorn.http.parser import RequestParser

from inventory.server.gunicorn_seam import cache_settings
from inventory.server.gunicorn_settings import gunicorn_settings
from inventory.server.hooks import Hooks
from inventory.settings import Settings

CHECKOUT = Path(__file__).parents[2]


def gunicorn_config(**given: Any) -> Config:
    settings = Settings(**given)
    config = Config()
    for name, value in gunicorn_settings(settings, Hooks(settings)).items():
        config.set(name, value)
    return config


@pytest.fixture
def undisturbed_logging() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("gunicorn.error")]
    before = [(logger.level, list(logger.handlers), logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:], logger.propagate = handlers, propagate


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "gunicorn", *arguments]
    return subprocess.run(
        command, cwd=CHECKOUT, env={**clean, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_gunicorn_knows_every_setting_and_takes_its_value() -> None:
    assert gunicorn_config(port=3456).address == [("127.0.0.1", 3456)]


def test_a_folded_header_line_is_refused() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Folded: one\r\n two\r\n\r\n"
    with pytest.raises(ObsoleteFolding):
        next(RequestParser(gunicorn_config(), iter([request]), ("127.0.0.1", 1)))


def test_no_client_sets_the_path_with_a_header() -> None:
    request = b"GET /true HTTP/1.1\r\nHost: a\r\nPATH_INFO: /forged\r\nSCRIPT_NAME: /forged\r\n\r\n"
    parsed = next(RequestParser(gunicorn_config(), iter([request]), ("127.0.0.1", 1)))
    assert parsed.headers == [("HOST", "a")]


def test_trusted_proxies_are_the_only_ones_whose_headers_gunicorn_believes() -> None:
    assert gunicorn_config(trusted_proxies=("10.0.0.0/8", "::1/128")).forwarded_allow_ips == ["10.0.0.0/8", "::1/128"]


def test_a_slow_commit_is_waited_for_at_the_end() -> None:
    assert gunicorn_config(commit_wait_ms=60_000).graceful_timeout > 60


@pytest.mark.parametrize(
    ("files", "threads", "connections"),
    [(1024, 16, 512), (20_000, 16, 1000), (resource.RLIM_INFINITY, 16, 1000), (100, 64, 128)],
)
def test_connections_leave_half_of_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch, files: int, threads: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert gunicorn_config(threads=threads).worker_connections == connections


def test_gunicorn_builds_no_access_line(undisturbed_logging: None) -> None:
    class NeverRead:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    config = gunicorn_config()
    config.logger_class(config).access(NeverRead(), NeverRead(), NeverRead(), NeverRead())


def test_gunicorn_log_lines_are_json_without_control_characters(
    undisturbed_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    config = gunicorn_config()
    config.logger_class(config).warning("Invalid request: %s", "\x1b[31m\n{")
    _, line = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert line.startswith("{")


def test_the_file_in_the_checkout_holds_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "3000")
    spec = importlib.util.spec_from_file_location("checkout_configuration", CHECKOUT / "gunicorn.conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = Settings()
    assert set(gunicorn_settings(settings, Hooks(settings))) <= set(vars(module))


def test_a_bad_setting_ends_the_start_with_one_line_that_names_it() -> None:
    ended = start("wsgi:app", PORT="many")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "inventory: PORT='many' is not a whole number from 0 to 65535.\n"


def test_an_unknown_name_with_the_prefix_ends_the_start(tmp_path: Path) -> None:
    ended = start("wsgi:app", INVENTORY_DATADIR=str(tmp_path))
    assert (ended.returncode, "INVENTORY_DATA_DIR" in ended.stderr) == (1, True)


@pytest.fixture
def asked_by_name(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    look_up = Config.__getattr__
    monkeypatch.setattr(Config, "__getattr__", lambda config, name: (asked.append(name), look_up(config, name))[1])
    return asked


def test_each_setting_is_what_it_was_and_is_not_looked_up_again(asked_by_name: list[str]) -> None:
    config = Config()
    config.set("threads", 3)
    config.set("bind", ["127.0.0.1:1", "127.0.0.1:2"])
    names = [*config.settings, "address", "is_ssl", "worker_class_str", "forwarded_allow_networks"]
    before = {name: getattr(config, name) for name in names}
    assert "threads" in asked_by_name

    cache_settings(config)
    asked_by_name.clear()

    after = {name: getattr(config, name) for name in names}
    assert {name: value for name, value in after.items() if not callable(value)} == {
        name: value for name, value in before.items() if not callable(value)
    }
    assert after["threads"] == 3
    assert after["pre_request"] is before["pre_request"]
    assert asked_by_name == []


def test_what_is_no_setting_is_still_an_error() -> None:
    config = Config()
    cache_settings(config)
    with pytest.raises(AttributeError):
        _ = config.not_a_setting
