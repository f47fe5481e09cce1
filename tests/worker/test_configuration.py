"""What gunicorn is told, read by gunicorn itself."""

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

from inventory.settings import Settings
from inventory.worker.configuration import configuration
from inventory.worker.hooks import Hooks

CHECKOUT = Path(__file__).parents[2]


def gunicorn_config(**given: Any) -> Config:
    settings = Settings(**given)
    config = Config()
    for name, value in configuration(settings, Hooks(settings)).items():
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


def test_nobody_sets_the_path_with_a_header() -> None:
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
    line = capsys.readouterr().err.rstrip("\n")
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
    assert set(configuration(settings, Hooks(settings))) <= set(vars(module))


def test_a_bad_setting_ends_the_start_with_one_line_that_names_it() -> None:
    ended = start("wsgi:app", PORT="many")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "inventory: PORT='many' is not a whole number from 0 to 65535.\n"


def test_a_near_miss_of_a_setting_ends_the_start(tmp_path: Path) -> None:
    ended = start("wsgi:app", DATADIR=str(tmp_path))
    assert (ended.returncode, "DATA_DIR" in ended.stderr) == (1, True)
