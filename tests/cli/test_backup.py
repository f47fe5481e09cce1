"""``inventory backup``: what it says, and its exit status."""

import json
from pathlib import Path

import pytest
from support.commands import run

from inventory.backup.manifest import read_manifest
from inventory.resilience.disk import Disk


@pytest.fixture
def target(data: Path) -> Path:
    run("seed", "--data-dir", data)
    return data.parent / "backup"


def test_it_says_how_far_the_backup_reaches_and_how_much_of_it_is_new(data: Path, target: Path):
    done = run("backup", target, "--data-dir", data)
    assert (done.exit_code, done.stdout) == (0, f"Backed up through event 8: 8 new events in {target}.\n")
    done = run("backup", target, "--data-dir", data)
    assert (done.exit_code, done.stdout) == (0, f"Backed up through event 8: 0 new events in {target}.\n")


def test_as_json_it_gives_the_ids_and_the_end(data: Path, target: Path):
    told = json.loads(run("backup", target, "--data-dir", data, "--json").stdout)
    manifest = read_manifest(target)
    assert told == {
        "ledgerId": manifest.ledger_id,
        "timelineId": manifest.ledger_id,
        "firstSequence": 1,
        "lastSequence": 8,
        "lastAt": json.loads((target / "manifest.json").read_bytes())["lastAt"],
        "bytes": manifest.files[0].size,
        "newEvents": 8,
    }


def test_a_folder_without_a_log_is_not_backed_up(data: Path):
    done = run("backup", data.parent / "backup", "--data-dir", data)
    assert (done.exit_code, "no event log" in done.stderr) == (1, True)
    assert not (data.parent / "backup").exists()


def test_the_backup_of_another_ledger_is_refused(data: Path, target: Path):
    run("backup", target, "--data-dir", data)
    other = data.parent / "other"
    other.mkdir()
    run("seed", "--data-dir", other)
    done = run("backup", target, "--data-dir", other)
    assert (done.exit_code, "is a backup of ledger" in done.stderr) == (1, True)


def test_the_data_folder_itself_is_refused(data: Path, target: Path):
    done = run("backup", data, "--data-dir", data)
    assert (done.exit_code, "is not empty, and has no manifest.json" in done.stderr) == (1, True)


def test_ctrl_c_ends_it_with_status_130(data: Path, target: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Disk, "fdatasync", interrupt)
    assert run("backup", target, "--data-dir", data).exit_code == 130
    monkeypatch.undo()
    assert run("backup", target, "--data-dir", data).exit_code == 0


def test_a_relative_target_is_a_folder_of_the_current_one(data: Path, target: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(data.parent)
    assert run("backup", "backup", "--data-dir", data).exit_code == 0
    assert read_manifest(target).last == 8
