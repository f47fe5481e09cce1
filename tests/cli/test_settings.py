"""``inventory settings``: every setting, its value, and where the value comes from."""

import copy
import json
from pathlib import Path
from types import MappingProxyType

import pytest
from support.commands import run

from inventory.cli import settings as module
from inventory.settings import FIELDS, PREFIX, Settings, setting_names

OPTIONS = {"HOST": "::1", "PORT": "3001", "WEB_CONCURRENCY": "3", "THREADS": "5", "DATA_DIR": "/srv"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*setting_names(), *(PREFIX + name for name in setting_names()), "GUNICORN_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)


def rows(*arguments: str) -> dict[str, dict[str, object]]:
    ended = run("settings", "--json", *arguments)
    assert ended.exit_code == 0, ended.stderr
    return {row["name"]: row for row in json.loads(ended.stdout)["settings"]}


def test_every_setting_is_shown_once_with_its_meaning_in_both_forms() -> None:
    text = run("settings").stdout
    shown = rows()
    assert list(shown) == list(setting_names())
    for name, field in FIELDS.items():
        assert shown[name]["meaning"] == field.metadata["meaning"]
        assert text.count(f"\n{name} = ") + text.startswith(f"{name} = ") == 1
        assert field.metadata["meaning"].split()[-1] in text


def test_a_value_that_is_not_set_is_the_default() -> None:
    shown = rows()
    assert {row["source"] for row in shown.values()} == {"default"}
    assert (shown["PORT"]["value"], shown["LOCKS_ENABLED"]["value"], shown["LOCK_DIR"]["value"]) == (3000, False, None)
    assert shown["DATA_DIR"]["value"] == str(Settings().data_dir.absolute())


@pytest.mark.parametrize("variable", ["TRUSTED_PROXIES", "INVENTORY_TRUSTED_PROXIES"])
def test_a_value_from_the_environment_names_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "10.0.0.0/8, ::1")
    shown = rows()["TRUSTED_PROXIES"]
    assert (shown["value"], shown["source"]) == ("10.0.0.0/8, ::1", variable)
    assert f"TRUSTED_PROXIES = 10.0.0.0/8, ::1  ({variable})\n" in run("settings").stdout


@pytest.mark.parametrize("name", OPTIONS)
def test_a_value_of_an_option_names_the_option(name: str) -> None:
    option = "--workers" if name == "WEB_CONCURRENCY" else f"--{name.lower().replace('_', '-')}"
    shown = rows(option, OPTIONS[name])[name]
    assert (str(shown["value"]), shown["source"]) == (OPTIONS[name], option)


def test_the_options_are_those_of_the_server() -> None:
    def options(command: str) -> set[str]:
        return {word for word in run(command, "--help").stdout.split() if word.startswith("--")}

    assert options("serve") - {"--init", "--demo"} <= options("settings")


def test_arguments_of_gunicorn_go_before_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--threads 3 --workers 2")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    shown = rows("--gunicorn", "-w 8 --bind [::1]:80 -k gthread")
    found = {name: row["value"] for name, row in shown.items() if row["source"] == "gunicorn"}
    assert found == {"HOST": "::1", "PORT": 80, "WEB_CONCURRENCY": 8, "THREADS": 3, "WORKER_CLASS": "gthread"}


def test_without_gunicorn_its_variable_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--threads 3")
    assert rows()["THREADS"]["source"] == "default"


def test_a_socket_of_unix_is_a_host_without_a_port() -> None:
    shown = rows("--gunicorn", "-b unix:/run/inventory.sock")
    assert (shown["HOST"]["value"], shown["PORT"]["value"]) == ("unix:/run/inventory.sock", None)


@pytest.mark.parametrize("arguments", ["'", "--nope", "--workers many", "--bind a:b"])
def test_arguments_that_gunicorn_refuses_are_wrong_usage(arguments: str) -> None:
    ended = run("settings", "--gunicorn", arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "gunicorn refuses its arguments: " in ended.stderr


def test_what_is_ignored_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGLEVEL", "debug")
    monkeypatch.setenv("INVENTORY_PORT", "tcp://10.0.0.7:3000")
    assert json.loads(run("settings", "--json").stdout)["ignored"] == ["INVENTORY_PORT", "LOGLEVEL"]
    ended = run("settings")
    assert "did you mean LOG_LEVEL" in ended.stderr
    assert "INVENTORY_PORT" in ended.stderr
    assert "PORT = 3000  (default)" in ended.stdout


def test_a_bad_value_is_refused_as_by_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_PORT", "many")
    ended = run("settings")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "Error: INVENTORY_PORT='many' is not a whole number from 0 to 65535.\n"


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]) -> None:
    secret = copy.copy(FIELDS["LOCK_OWNER_ID"])
    secret.metadata = MappingProxyType({**secret.metadata, "secret": True})
    monkeypatch.setattr(module, "FIELDS", {**FIELDS, "LOCK_OWNER_ID": secret})
    monkeypatch.setenv("LOCK_OWNER_ID", "hush")
    shown = run("settings", *form).stdout
    assert "hush" not in shown
    assert "(secret)" in shown


def test_other_commands_warn_of_a_near_miss_and_go_on(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("LOGLEVEL", "debug")
    ended = run("seed", "--data-dir", data)
    assert ended.exit_code == 0
    assert ended.stderr.count("warning: LOGLEVEL is not a setting and is ignored; did you mean LOG_LEVEL?") == 1
