"""requirements/*.txt pin what setup.cfg and pyproject.toml want, and nothing is installed that they do not pin."""

import configparser
import re
import sys
import tomllib

import pytest
from support.checkout import ROOT
from support.pins import pins, unsatisfied

sys.path.append(str(ROOT / "scripts"))

import lock

WANTED = lock.wanted()
PINNED = {name: pins((ROOT / "requirements" / f"{name}.txt").read_text()) for name in WANTED}
TOX = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini")
ENVIRONMENTS = [name for name in TOX.sections() if name.startswith("testenv")]


@pytest.mark.parametrize("name", WANTED)
def test_every_requirement_is_pinned_to_one_version_that_satisfies_it(name: str) -> None:
    assert list(unsatisfied(WANTED[name], PINNED[name])) == [], f"run {lock.COMMAND}"


@pytest.mark.parametrize("name", WANTED)
def test_every_pinned_package_has_the_hashes_of_its_archives(name: str) -> None:
    without = [pin.name for pin in PINNED[name] if not pin.hashes]
    others = [text for pin in PINNED[name] for text in pin.hashes if re.fullmatch(r"sha256:[0-9a-f]{64}", text) is None]

    assert (without, others) == ([], [])


def test_there_is_no_file_that_the_command_does_not_write() -> None:
    assert {file.name for file in (ROOT / "requirements").iterdir()} == {f"{name}.txt" for name in WANTED}


@pytest.mark.parametrize("name", WANTED)
def test_every_environment_has_the_versions_that_the_service_is_tested_with(name: str) -> None:
    tested = {pin.name: pin.version for pin in PINNED["test"] if pin.where is None}

    assert [pin for pin in PINNED[name] if tested.get(pin.name, pin.version) != pin.version] == []


@pytest.mark.parametrize("section", ENVIRONMENTS)
def test_every_environment_of_tox_installs_pinned_packages_only(section: str) -> None:
    environment = TOX[section]
    deps = environment.get("deps", TOX["testenv"]["deps"])

    assert deps == "" or re.fullmatch(r"-r requirements/(\w+)\.txt", deps)[1] in WANTED
    # Then tox finds there what the wheel of the service needs.
    if section != "testenv:.pkg_external" and environment.get("skip_install") != "true":
        name = re.fullmatch(r"-r requirements/(\w+)\.txt", deps)[1]
        assert set(WANTED["service"]) <= set(WANTED[name])
        extra = environment.get("extras", TOX["testenv"]["extras"])
        assert set(WANTED[extra] if extra else []) <= set(WANTED[name])


def test_the_oldest_python_that_is_pinned_for_is_the_oldest_that_the_service_supports() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")

    assert setup["options"]["python_requires"] == f">={lock.OLDEST_PYTHON}"


def test_the_build_is_pinned_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert WANTED["build"] == project["build-system"]["requires"]


@pytest.mark.parametrize(
    ("requirement", "text", "said"),
    [
        ("flask >= 3.2", "flask==3.1.3", "3.1.3 is pinned for Python 3.11.0"),
        ("click >= 8", "flask==3.1.3", "nothing is pinned for Python 3.11.0"),
        ("flask", "flask==3.1.3 ; python_full_version < '3.13'", "nothing is pinned for Python 3.13.9"),
        ("flask", "flask==3.1.3\nflask==3.2", "3.1.3, 3.2 is pinned for Python 3.11.0"),
        ("flask ; python_version < '3.12'", "click==8.5", "nothing is pinned for Python 3.11.14"),
    ],
)
def test_a_requirement_without_its_version_is_named(requirement: str, text: str, said: str) -> None:
    assert any(said in line for line in unsatisfied([requirement], pins(text)))


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("flask >= 3.1, < 3.3", "Flask==3.1.3"),
        ("typing_extensions", "typing-extensions==4.16"),
        ("flask ; sys_platform == 'win32'", "click==8.5"),
        ("flask", "flask==3.1 ; python_version < '3.13'\nflask==3.2 ; python_version >= '3.13'"),
    ],
)
def test_a_requirement_with_its_version_is_not(requirement: str, text: str) -> None:
    assert list(unsatisfied([requirement], pins(text))) == []


@pytest.mark.parametrize("text", ["flask", "flask>=3.1", "flask==3.*", "flask===3.1"])
def test_an_entry_that_is_no_exact_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no exact version"):
        pins(text)
