"""The units of deploy/systemd: systemd accepts them, and what they start is a command of the service."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from support.blocks import text_of
from support.checkout import ROOT

from inventory.cli.main import main
from inventory.server.shutdown import END_SECONDS, drain_seconds
from inventory.settings import read

FOLDER = ROOT / "deploy/systemd"
UNITS = sorted(FOLDER.glob("*.service"))
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
BIN = "/opt/inventory/.venv/bin"
PAGE = ROOT / "docs/how-to/systemd.md"
ANALYZE = shutil.which("systemd-analyze")
NEEDS_SYSTEMD = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
# Tenths of what systemd calls the exposure of a unit, up to 100; without hardening it is 96.
MOST_EXPOSED = 25


class Keys(dict):
    """Keeps the values of a key that is given more than once, one a line, as systemd does; an empty one clears."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and key in self:
            value = [*self[key], *value]
        super().__setitem__(key, value)


def sections(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Keys)
    parser.optionxform = str
    parser.read_string(text_of(path).replace("\\\n", " "))
    return parser


def installed(tmp_path: Path, *, tls: bool, change: tuple[str, str] = ("", "")) -> Path:
    """A copy of the units as they would be installed, whose commands are there.

    :param tls: with the drop-in, which replaces the command of the server.
    """
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("inventory", "gunicorn"):
        (commands / name).write_text("#!/bin/sh\n")
        (commands / name).chmod(0o755)
    shutil.copytree(FOLDER, tmp_path / "units", ignore=None if tls else shutil.ignore_patterns("*.d"))
    for path in (tmp_path / "units").rglob("*.*"):
        if path.is_file():
            path.write_text(text_of(path).replace(BIN, str(commands)).replace(*change))
    return tmp_path / "units"


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ANALYZE, *arguments, *(f"./{unit.name}" for unit in UNITS)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )


def commands_of(path: Path) -> list[list[str]]:
    lines = sections(path)["Service"].get("ExecStart", "").splitlines()
    return [shlex.split(line) for line in lines if line]


@NEEDS_SYSTEMD
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_systemd_accepts_every_unit(tmp_path: Path, tls: bool) -> None:
    ended = analyze(installed(tmp_path, tls=tls), "verify", "--man=no")

    assert (ended.returncode, ended.stdout) == (0, "")


@NEEDS_SYSTEMD
@pytest.mark.parametrize(
    ("change", "tls"),
    [
        (("NoNewPrivileges=yes", "NoNewPriviledges=yes"), False),
        (("Restart=on-failure", "Restart=on-failures"), False),
        (("bin/inventory serve", "bin/inventroy serve"), False),
        (("LoadCredential=cert.pem:", "LoadCredential=../cert.pem:"), True),
    ],
)
def test_a_mistake_in_a_unit_is_found(tmp_path: Path, change: tuple[str, str], tls: bool) -> None:
    ended = analyze(installed(tmp_path, tls=tls, change=change), "verify", "--man=no")

    assert (ended.returncode, ended.stdout) != (0, "")


@NEEDS_SYSTEMD
def test_no_unit_may_do_more_than_it_needs(tmp_path: Path) -> None:
    ended = analyze(
        installed(tmp_path, tls=False), "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager"
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_unit_can_be_enabled_and_has_the_state_folder_to_itself(path: Path) -> None:
    unit = sections(path)

    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert (unit["Service"]["StateDirectory"], unit["Service"]["StateDirectoryMode"]) == ("inventory", "0700")
    assert unit["Service"]["UMask"] == "0077"
    assert "/var/lib/inventory" in unit["Unit"]["RequiresMountsFor"].split()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_unit_starts_a_command_with_options_that_it_knows(path: Path) -> None:
    (command,) = commands_of(path)
    program, name, *arguments = command

    assert program == f"{BIN}/inventory"
    found = main.commands[name]
    # Raises on an unknown option, without running the command.
    found.make_context(name, list(arguments), resilient_parsing=False)
    assert isinstance(found, click.Command)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_variables_of_every_unit_are_settings(path: Path) -> None:
    given = dict(word.split("=", 1) for word in shlex.split(sections(path)["Service"]["Environment"]))
    found = read(given)

    assert {source.name for source in found.sources.values()} == set(given)
    assert str(found.settings.data_dir) == "/var/lib/inventory"


def test_the_server_has_the_time_that_its_end_takes() -> None:
    settings = read({}).settings
    seconds = int(sections(FOLDER / "inventory-api.service")["Service"]["TimeoutStopSec"])

    assert seconds > drain_seconds(settings) + END_SECONDS


def test_the_key_is_a_credential_and_is_read_where_systemd_puts_it() -> None:
    service = sections(FOLDER / "inventory-api.service.d/tls.conf")["Service"]
    credentials = [line.split(":")[0] for line in service["LoadCredential"].splitlines()]
    (command,) = commands_of(FOLDER / "inventory-api.service.d/tls.conf")

    assert credentials == ["cert.pem", "key.pem"]
    assert [word for word in command if word.startswith("${")] == [
        f"${{CREDENTIALS_DIRECTORY}}/{name}" for name in credentials
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_how_to_names_every_file(path: Path) -> None:
    assert re.search(rf"\b{re.escape(path.name)}\b", text_of(PAGE))
