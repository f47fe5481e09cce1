"""scripts/lock.py: which packages it pins, and that its files change together. uv itself is not run."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import lock
import pytest

SETUP = """
[options]
install_requires =
    flask >= 3.1
[options.extras_require]
test =
    pytest
bench =
    psycopg
"""
PROJECT = """
[build-system]
requires = ["setuptools"]
[dependency-groups]
lint = ["ruff"]
types = ["mypy"]
[tool.lock]
beside = { types = "service" }
"""


class Uv:
    """Stands in for uv: writes what it was asked for; knows no ``unknown`` package."""

    def __init__(self, unknown: str = "") -> None:
        self.unknown = unknown
        self.kept: dict[str, str] = {}
        self.options: dict[str, Sequence[str]] = {}

    def __call__(self, requirements: Sequence[str], file: Path, options: Sequence[str]) -> None:
        if self.unknown in requirements:
            raise subprocess.CalledProcessError(1, "uv")
        self.kept[file.stem] = file.read_text() if file.exists() else ""
        self.options[file.stem] = options
        file.write_text(" ".join(requirements))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "setup.cfg").write_text(SETUP)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> Uv:
    stand_in = Uv()
    monkeypatch.setattr(lock, "_compile", stand_in)
    return stand_in


def written(checkout: Path) -> dict[str, str]:
    return {file.stem: file.read_text() for file in (checkout / "requirements").iterdir()}


def test_each_environment_has_a_file_and_those_that_run_the_service_have_what_it_needs(checkout: Path, uv: Uv):
    lock.write(checkout, [])
    assert written(checkout) == {
        "build": "setuptools",
        "service": "flask >= 3.1",
        "test": "flask >= 3.1 pytest",
        "bench": "flask >= 3.1 psycopg",
        "lint": "ruff",
        "types": "flask >= 3.1 mypy",
    }


def test_all_environments_agree_with_the_versions_of_the_tests(checkout: Path, uv: Uv):
    lock.write(checkout, ["--upgrade"])
    assert next(iter(uv.options)) == "test"
    assert uv.options.pop("test") == ["--upgrade"]
    assert {options[0] for options in uv.options.values()} == {"--constraint"}
    assert {Path(options[1]).name for options in uv.options.values()} == {"test.txt"}


def test_versions_that_are_pinned_already_are_given_to_uv(checkout: Path, uv: Uv):
    lock.write(checkout, [])
    lock.write(checkout, [])
    assert uv.kept == written(checkout)


def test_a_version_that_cannot_be_found_changes_no_file(checkout: Path, uv: Uv, capsys: pytest.CaptureFixture[str]):
    lock.write(checkout, [])
    before = written(checkout)
    (checkout / "setup.cfg").write_text(SETUP.replace("pytest", "pytest-new"))
    uv.unknown = "mypy"
    with pytest.raises(subprocess.CalledProcessError):
        lock.write(checkout, [])
    assert written(checkout) == before


def test_the_file_of_an_environment_that_is_gone_is_removed(checkout: Path, uv: Uv):
    (checkout / "requirements").mkdir()
    (checkout / "requirements/old.txt").write_text("old==1")
    lock.write(checkout, [])
    assert "old" not in written(checkout)


def test_the_command_ends_with_the_status_of_uv(uv: Uv, capsys: pytest.CaptureFixture[str]):
    uv.unknown = lock.wanted()["test"][0]
    assert lock.main([]) == 1
    assert "requirements has not changed" in capsys.readouterr().err


def test_help_is_the_text_of_the_script(uv: Uv, capsys: pytest.CaptureFixture[str]):
    assert lock.main(["--help"]) == 0
    assert lock.COMMAND in capsys.readouterr().out
    assert uv.options == {}
