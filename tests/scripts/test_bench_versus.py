"""scripts/bench: two checkouts in one run, each server on the program of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bench import cli, rounds, versus
from bench.contestants import CONTESTANTS
from bench.load import Load
from bench.rounds import Conditions, Run
from bench.server import CHECKOUT, Server, ServerBroken
from bench.versus import PAIRS, commit_of, imported_package, of_both

CONDITIONS = Conditions(1, 0.5, 3, 64, 2, 16, 10, Path("nowhere"))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A folder with as much as a checkout needs to be one."""
    for part in ("inventory/__init__.py", "scripts/bench/gunicorn_conf.py"):
        (tmp_path / "other" / part).parent.mkdir(parents=True)
        (tmp_path / "other" / part).touch()
    return tmp_path / "other"


def test_a_server_of_a_checkout_imports_the_package_of_that_checkout(other: Path):
    assert imported_package(other) == other / "inventory/__init__.py"
    assert imported_package(CHECKOUT) == CHECKOUT / "inventory/__init__.py"


def test_adjust_and_read_of_both_run_alike_but_for_the_checkout(other: Path):
    found = of_both(other)

    assert [(one.name, one.checkout) for one in found] == [
        ("adjust", CHECKOUT),
        ("read", CHECKOUT),
        ("adjust-other", other),
        ("read-other", other),
    ]
    for ours, theirs in zip(found[:2], found[2:], strict=True):
        assert replace(theirs, name=ours.name, what=ours.what, checkout=CHECKOUT) == ours


def test_each_is_compared_with_its_namesake(other: Path):
    assert [(pair.of, pair.to, pair.at_least) for pair in PAIRS] == [
        ("adjust", "adjust-other", 0.97),
        ("read", "read-other", 0.97),
    ]
    assert {name for pair in PAIRS for name in (pair.of, pair.to)} == {one.name for one in of_both(other)}


def test_a_folder_without_the_package_is_refused_with_what_it_lacks(other: Path):
    (other / "scripts/bench/gunicorn_conf.py").unlink()
    with pytest.raises(ValueError, match=r"is not a checkout of the service: it has no scripts/bench/gunicorn_conf.py"):
        of_both(other)


def test_this_checkout_is_refused_under_whichever_name(tmp_path: Path):
    (tmp_path / "link").symlink_to(CHECKOUT)
    with pytest.raises(ValueError, match="is this checkout"):
        of_both(tmp_path / "link")


def test_a_checkout_whose_package_another_place_hides_is_refused(other: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versus, "imported_package", lambda checkout: Path("/elsewhere/inventory/__init__.py"))
    with pytest.raises(ValueError, match=r"would import the package of another place: /elsewhere"):
        of_both(other)


def test_each_server_is_started_from_its_own_checkout(other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started = []

    @contextmanager
    def running(*given: object, checkout: Path) -> Iterator[Server]:
        started.append(checkout)
        raise ServerBroken("far enough")
        yield

    monkeypatch.setattr(rounds, "running", running)
    for one in of_both(other):
        with pytest.raises(ServerBroken), rounds.standing(one, replace(CONDITIONS, folder=tmp_path)):
            pass

    assert started == [CHECKOUT, CHECKOUT, other, other]


def test_a_folder_outside_of_git_has_an_unknown_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert commit_of(tmp_path) == "unknown"
    monkeypatch.setenv("PATH", "")
    assert commit_of(CHECKOUT) == "unknown"


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which driver was asked for; each contestant has a rate of its own."""
    rates, asked = {"adjust": 97, "adjust-other": 100, "read": 484, "read-other": 500}, []

    def runs(contestants, conditions, drive, report) -> list[Run]:
        loads = {name: Load(rate, 1.0, (1.0, 2.0, 3.0), {}, None, rate, 0, 0.1, 0.5) for name, rate in rates.items()}
        return [Run(one.name, 0, loads[one.name], []) for one in contestants]

    monkeypatch.setattr(cli, "run_all", runs)
    monkeypatch.setattr(cli, "describe", lambda folder: dict(MACHINE))
    monkeypatch.setattr(cli, "chosen_driver", lambda name: (asked.append(name), (name, None))[1])
    return asked


MACHINE = {
    "processor": "x",
    "cores": 2,
    "coresOfMachine": 2,
    "loadAverage": 0.0,
    "python": "x",
    "versions": {},
    "folder": "x",
    "fileSystem": "ext4",
    "device": "x",
    "fdatasyncMs": {"p50": 0.1, "p99": 0.2},
    "survivesPowerCut": True,
}


def test_the_ratios_of_this_checkout_to_the_other_are_told(
    other: Path, driven: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["--versus", str(other), "--json", str(tmp_path / "found")]) == 0

    told = json.loads((tmp_path / "found").read_text())
    ratios = {ratio["of"]: (ratio["to"], ratio["median"], ratio["reached"]) for ratio in told["ratios"]}
    assert ratios == {"adjust": ("adjust-other", 0.97, True), "read": ("read-other", 0.968, False)}
    assert set(told["settings"]["commits"]) == {"this", "other"}
    assert "0.968" in capsys.readouterr().out


@pytest.mark.parametrize(("asked", "taken"), [([], "own"), (["--driver", "wrk"], "wrk")])
def test_the_driver_that_evens_connections_drives_both_unless_another_is_named(
    asked: list[str], taken: str, other: Path, driven: list[str]
):
    assert cli.main(["--versus", str(other), *asked]) == 0
    assert driven == [taken]


def test_without_another_checkout_the_driver_is_chosen_as_before(driven: list[str]):
    names = ",".join(one.name for one in CONTESTANTS if one.name in {"adjust", "read"})
    assert cli.main(["--contestants", names]) == 0
    assert driven == ["auto"]


def test_another_checkout_and_a_choice_of_contestants_exclude_each_other(other: Path):
    with pytest.raises(SystemExit):
        cli.main(["--versus", str(other), "--against", "none"])
