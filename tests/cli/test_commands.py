"""The commands on a real folder, without servers."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.commands import run

from inventory import __version__
from inventory.cli.main import main
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.settings import Settings, SettingsError
from inventory.wiring import layout_of

COMMANDS = ["serve", "worker", "seed", "export", "verify", "rebuild", "sync"]


@pytest.fixture
def seeded(data: Path) -> Path:
    assert run("seed", "--data-dir", data).exit_code == 0
    return data


def segment(data: Path) -> Path:
    return next((data / "events").glob("*.jsonl"))


def damage(data: Path) -> None:
    content = segment(data).read_bytes()
    changed = content.replace(b'"onHand":40', b'"onHand":41', 1)
    assert changed != content
    segment(data).write_bytes(changed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_its_exit_status_means(command: str) -> None:
    assert "Exit status" in run(command, "--help").stdout


def test_help_names_every_command() -> None:
    assert all(command in run("--help").stdout for command in COMMANDS)


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"inventory, version {__version__}\n"


def test_a_tree_that_writes_another_format_is_not_called_the_version_that_was_released() -> None:
    changes = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    unreleased, _, released = changes.partition("## [Unreleased]")[2].partition("\n## [")
    assert f"`inventory --version` says {__version__}." in unreleased
    assert not released.startswith(f"{__version__}]")


def test_an_unknown_option_is_wrong_usage() -> None:
    assert run("verify", "--colour").exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_setting_is_refused_by_name(command: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENT_BYTES", "big")
    ended = run(command, "--data-dir", data)
    assert (ended.exit_code, ended.stderr.startswith("Error: SEGMENT_BYTES='big'")) == (1, True)


def test_seed_makes_records_and_then_leaves_them_alone(data: Path) -> None:
    results = [json.loads(run("seed", "--json", "--data-dir", data).stdout) for _ in range(2)]
    assert results == [{"created": 8, "kept": 0, "asOfSequence": 8}, {"created": 0, "kept": 8, "asOfSequence": 8}]


def test_seed_names_every_wrong_entry_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text('{"items": [{"storeId": "a", "sku": "b", "onHand": 1}, {"storeId": "", "sku": "b", "onHand": -1}]}')
    ended = run("seed", file, "--data-dir", data)
    assert (ended.exit_code, list(data.iterdir())) == (1, [])
    assert "items[1].storeId" in ended.stderr


def test_seed_shows_a_hundred_wrong_entries_and_counts_the_rest(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"items": [None] * 250}))
    assert run("seed", file, "--data-dir", data).stderr.endswith("  … and 150 more\n")


def test_seed_of_a_file_that_is_not_there_is_wrong_usage(data: Path, tmp_path: Path) -> None:
    assert run("seed", tmp_path / "none.json", "--data-dir", data).exit_code == 2


def test_verify_finds_a_fresh_log_valid(seeded: Path) -> None:
    result = json.loads(run("verify", "--json", "--data-dir", seeded).stdout)
    assert [result[name] for name in ("ok", "checkedSequence", "drift", "problems")] == [True, 8, [], []]


def test_verify_names_the_damage_and_ends_with_status_1(seeded: Path) -> None:
    damage(seeded)
    ended = run("verify", "--data-dir", seeded)
    assert (ended.exit_code, segment(seeded).name in ended.stderr) == (1, True)


def test_verify_finds_a_view_that_was_changed_by_hand(seeded: Path) -> None:
    run("sync", "--data-dir", seeded)
    view = seeded / "store-inventory.json"
    view.write_bytes(view.read_bytes().replace(b"40", b"41"))
    assert run("verify", "--data-dir", seeded).exit_code == 1


def test_a_view_that_was_changed_by_hand_is_published_again_on_demand(seeded: Path) -> None:
    run("sync", "--data-dir", seeded)
    (seeded / "store-inventory.json").write_bytes(b"{}")
    run("sync", "--force", "--data-dir", seeded)
    assert run("verify", "--data-dir", seeded).exit_code == 0


def test_verify_changes_nothing(seeded: Path) -> None:
    before = {path: path.read_bytes() for path in seeded.rglob("*") if path.is_file()}
    run("verify", "--data-dir", seeded)
    assert {path: path.read_bytes() for path in seeded.rglob("*") if path.is_file()} == before


def test_sync_publishes_what_is_committed(seeded: Path) -> None:
    result = json.loads(run("sync", "--json", "--data-dir", seeded).stdout)
    assert (result["published"], result["asOfSequence"]) == (True, 8)
    assert json.loads((seeded / "central-inventory.json").read_bytes())["asOfSequence"] == 8


def test_rebuild_makes_the_views_again_from_the_log(seeded: Path) -> None:
    run("sync", "--data-dir", seeded)
    before = (seeded / "central-inventory.json").read_bytes()
    result = json.loads(run("rebuild", "--yes", "--json", "--data-dir", seeded).stdout)
    assert result["asOfSequence"] == 8
    assert str(seeded / "central-inventory.json") in result["deleted"]
    assert (seeded / "central-inventory.json").read_bytes() == before


def test_rebuild_never_touches_the_log(seeded: Path) -> None:
    before = segment(seeded).read_bytes()
    run("rebuild", "--yes", "--data-dir", seeded)
    assert segment(seeded).read_bytes() == before


def test_rebuild_is_refused_while_a_server_uses_the_folder(seeded: Path) -> None:
    with server_presence(layout_of(Settings(data_dir=seeded))):
        ended = run("rebuild", "--yes", "--data-dir", seeded)
    assert (ended.exit_code, "a server" in ended.stderr) == (1, True)


def test_rebuild_does_nothing_without_a_terminal_to_ask_on(seeded: Path) -> None:
    run("sync", "--data-dir", seeded)
    ended = run("rebuild", "--data-dir", seeded)
    assert (ended.exit_code, (seeded / "store-inventory.json").exists()) == (2, True)


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("", 130)])
def test_rebuild_asks_before_it_deletes(
    answer: str, status: int, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.cli.verify._is_terminal", lambda: True)
    ended = CliRunner().invoke(main, ["rebuild", "--data-dir", str(seeded)], input=answer)
    assert (ended.exit_code, (seeded / "store-inventory.json").exists()) == (status, status == 0)


def test_a_damaged_log_is_refused_without_a_trace(seeded: Path) -> None:
    damage(seeded)
    (seeded / "locks/state").unlink()
    ended = run("sync", "--data-dir", seeded)
    assert (ended.exit_code, ended.stderr.startswith("Error: The event log is damaged")) == (1, True)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StartRefused("no"), 1, "Error: no\n"),
        (SettingsError("PORT is bad"), 1, "Error: PORT is bad\n"),
        (OSError(28, "No space left on device", "/data/x"), 1, "Error: /data/x: No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
    ],
)
def test_a_command_ends_with_a_line_and_a_status(
    error: BaseException, status: int, said: str, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("inventory.cli.verify.verify", fails)
    ended = run("verify", "--data-dir", seeded)
    assert (ended.exit_code, ended.stderr) == (status, said)
