"""scripts/serve.py, scripts/test.py and what they share: messages, and when .venv is made again."""

import ast
import errno
import importlib.util
import io
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
OFFLINE = "Failed to establish a new connection: NewConnectionError(...)"
NO_ENSUREPIP = "The virtual environment was not created successfully because ensurepip is not available."


class Commands:
    """Stands in for running commands: notes them; ``failing`` maps a word of one to its output."""

    def __init__(self) -> None:
        self.failing: dict[str, str] = {}
        self.said: list[str] = []
        self.arguments: list[list[str]] = []

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess:
        if "-c" in command:
            return subprocess.CompletedProcess(command, int(not Path(command[0]).exists()), "3 11\n")
        word = next(word for word in ("venv", "uninstall", "--editable", "install") if word in command)
        self.said.append(word)
        self.arguments.append(command)
        if word in self.failing:
            return subprocess.CompletedProcess(command, 1, self.failing[word])
        if word == "venv":
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        return subprocess.CompletedProcess(command, 0, "")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPTS / "venv_setup.py", checkout / "scripts")
    (checkout / "requirements").mkdir()
    (checkout / "setup.cfg").write_text("[metadata]\n")
    return checkout


def load(checkout: Path, commands: Commands) -> ModuleType:
    spec = importlib.util.spec_from_file_location("venv_setup_copy", checkout / "scripts" / "venv_setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._run = commands
    return module


class Full(io.StringIO):
    """An output that takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def setup(checkout: Path, commands: Commands) -> ModuleType:
    return load(checkout, commands)


@pytest.mark.parametrize("name", ["serve.py", "test.py", "venv_setup.py"])
def test_a_python_as_old_as_3_6_can_read_the_scripts(name: str):
    ast.parse((SCRIPTS / name).read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("name", ["serve.py", "test.py", "venv_setup.py"])
def test_the_scripts_need_the_standard_library_only(name: str):
    tree = ast.walk(ast.parse((SCRIPTS / name).read_text()))
    imported = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= sys.stdlib_module_names | {"venv_setup"}


def test_the_first_time_makes_the_environment_and_installs(setup: ModuleType, commands: Commands):
    setup.install("tox", ["gate"])
    assert commands.said == ["venv", "install"]


def test_the_second_time_does_nothing(setup: ModuleType, commands: Commands):
    setup.install("tox", ["gate"])
    setup.install("tox", ["gate"])
    assert commands.said == ["venv", "install"]


def test_two_commands_share_one_environment(setup: ModuleType, commands: Commands):
    for _ in range(2):
        setup.install("tox", ["gate"])
        setup.install("the service", ["service"], checkout=True)
    assert commands.said == ["venv", "install", "install", "--editable"]


def test_only_pinned_packages_with_their_hashes_are_fetched(setup: ModuleType, commands: Commands, checkout: Path):
    setup.install("the service", ["build", "service"], checkout=True)
    fetched, service = commands.arguments[1:]
    assert fetched[-5:] == [
        *("--require-hashes", "--requirement", "requirements/build.txt", "--requirement", "requirements/service.txt")
    ]
    assert service[-5:] == ["--no-deps", "--no-build-isolation", "--no-index", "--editable", str(checkout)]


def test_the_distribution_under_its_old_name_is_removed_first(setup: ModuleType, commands: Commands, checkout: Path):
    setup.install("tox", ["gate"])
    (checkout / ".venv/lib/python3.11/site-packages/inventory-0.2.0.dev0.dist-info").mkdir(parents=True)
    setup.install("the service", ["service"], checkout=True)
    assert commands.said == ["venv", "install", "uninstall", "install", "--editable"]
    assert commands.arguments[2][-2:] == ["--yes", "inventory"]


def test_the_distribution_under_its_own_name_is_kept(setup: ModuleType, commands: Commands, checkout: Path):
    setup.install("tox", ["gate"])
    (checkout / ".venv/lib/python3.11/site-packages/inventory_ledger-0.2.0.dev0.dist-info").mkdir(parents=True)
    setup.install("the service", ["service"], checkout=True)
    assert "uninstall" not in commands.said


@pytest.mark.parametrize("name", ["setup.cfg", "pyproject.toml", "requirements/gate.txt"])
def test_a_changed_configuration_is_installed_again(setup: ModuleType, commands: Commands, checkout: Path, name: str):
    setup.install("tox", ["gate"])
    (checkout / name).write_text("# changed\n")
    setup.install("tox", ["gate"])
    assert commands.said == ["venv", "install", "install"]


def test_an_environment_that_was_left_half_made_is_made_again(setup: ModuleType, commands: Commands):
    commands.failing = {"install": OFFLINE}
    with pytest.raises(SystemExit):
        setup.install("tox", ["gate"])
    commands.failing = {}
    setup.install("tox", ["gate"])
    assert commands.said == ["venv", "install", "venv", "install"]


def test_an_environment_whose_python_is_gone_is_made_again(setup: ModuleType, commands: Commands):
    setup.install("tox", ["gate"])
    Path(setup.venv_python()).unlink()
    setup.install("tox", ["gate"])
    assert commands.said == ["venv", "install", "venv", "install"]


def test_an_environment_in_a_checkout_that_was_moved_is_made_again(setup: ModuleType, commands, checkout: Path):
    setup.install("tox", ["gate"])
    load(checkout.rename(checkout.with_name("moved")), commands).install("tox", ["gate"])
    assert commands.said == ["venv", "install", "venv", "install"]


def test_without_a_network_the_index_is_named(setup: ModuleType, commands: Commands):
    commands.failing = {"install": OFFLINE}
    with pytest.raises(SystemExit, match="package index could not be reached"):
        setup.install("tox", ["gate"])


def test_without_ensurepip_the_debian_package_is_named(setup: ModuleType, commands: Commands):
    commands.failing = {"venv": NO_ENSUREPIP}
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        setup.install("tox", ["gate"])


def test_a_python_that_is_too_old_is_told_what_is_needed(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "OLDEST", (99, 0))
    monkeypatch.setattr(setup, "pyenv_pythons", list)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SystemExit, match=r"^Python 99\.0 or newer is needed"):
        setup.require_new_python()


def test_ctrl_c_ends_with_a_line_and_status_130(setup: ModuleType, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as end, setup.plain_endings():
        raise KeyboardInterrupt
    assert (end.value.code, capsys.readouterr().err) == (130, "\nStopped. Run the command again to go on.\n")


def test_a_line_on_the_way_that_cannot_be_written_ends_nothing(
    checkout: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
):
    setup = load(checkout, commands)
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", Full())
    setup.install("the service", ["service"], checkout=True)
    assert "install" in commands.said
    with pytest.raises(SystemExit) as ending, setup.plain_endings():
        raise KeyboardInterrupt
    assert ending.value.code == 130
