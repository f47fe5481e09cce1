"""``inventory backup`` and ``inventory verify BACKUP``: what they say, and their exit status."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.commands import run
from support.disks import mounted

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


@pytest.mark.parametrize("inside", ["backups", "archive/mirror", "new"])
def test_a_target_inside_the_data_folder_is_refused_and_not_made(data: Path, target: Path, inside: str):
    (data.parent / "link").symlink_to(data)
    (data / "archive").mkdir(exist_ok=True)
    for spelled in (data / inside, data.parent / "link" / inside, data / ".." / "link" / inside):
        for follow in ((), ("--follow",)):
            done = run("backup", spelled, "--data-dir", data, *follow)
            assert (done.exit_code, "is inside the data folder" in done.stderr) == (1, True)
        assert not (data / inside).exists()


def test_of_a_damaged_log_it_says_where_and_that_the_rest_is_saved(data: Path, target: Path):
    segment = data / "events" / "00000000000000000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"sequence":6', b'"sequence":7', 1))
    done = run("backup", target, "--data-dir", data)
    assert done.exit_code == 1
    assert f"The event log is damaged, or incomplete: {segment}, line 6, byte" in done.stderr
    assert read_manifest(target).last == 5


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


def test_verify_says_that_a_backup_is_what_was_copied(data: Path, target: Path):
    run("backup", target, "--data-dir", data)
    manifest = read_manifest(target)
    done = run("verify", target)
    assert done.exit_code == 0
    assert done.stdout.startswith("OK: verified through event 8 (20")
    assert done.stdout.endswith(f" of ledger {manifest.ledger_id}.\n")


def test_verify_names_the_file_and_the_loss(data: Path, target: Path):
    run("backup", target, "--data-dir", data)
    segment = target / "segments" / "00000000000000000001.jsonl"
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:5]))
    done = run("verify", target)
    assert (done.exit_code, done.stdout) == (1, "FAILED: verified through event 5 of 8.\n")
    assert done.stderr.startswith(f"{segment}: has ")
    assert "3 events are lost, 6 to 8" in done.stderr
    told = json.loads(run("verify", target, "--json").stdout)
    assert (told["ok"], told["checkedSequence"], told["lastSequence"]) == (False, 5, 8)
    (damage,) = told["damage"]
    assert (damage["file"], damage["firstLost"], damage["lastLost"], damage["lostEvents"]) == (str(segment), 6, 8, 3)


def test_a_copy_without_a_manifest_is_called_that_and_the_status_is_3(data: Path, target: Path):
    shutil.copytree(data / "events", target / "events")
    done = run("verify", target)
    assert done.exit_code == 3
    assert done.stdout.startswith(
        f"NO MANIFEST: {target} is a copy of files, or a data folder. Its log ends at event 8"
    )
    assert f"inventory verify --data-dir {target}\n" in done.stdout
    told = json.loads(run("verify", target, "--json").stdout)
    assert (told["ok"], told["hasManifest"], told["checkedSequence"]) == (False, False, 8)


def test_a_copy_that_was_cut_is_never_said_to_lack_unconfirmed_changes(data: Path, target: Path):
    """The documented check of before called such a copy valid, and its loss unconfirmed."""
    shutil.copytree(data / "events", target / "events")
    segment = target / "events" / "00000000000000000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:-700])
    done = run("verify", target)
    assert (done.exit_code, "ends in an incomplete line: it was cut" in done.stderr) == (3, True)
    opened = run("sync", "--data-dir", target)
    assert (opened.exit_code, "If this folder is a copy, it may have been cut" in opened.stderr) == (0, True)
    assert "confirmed" not in done.stdout + done.stderr
    assert "never confirmed" not in opened.stderr


def test_events_that_the_shared_header_proves_to_be_unconfirmed_are_called_that(data: Path, target: Path):
    segment = data / "events" / "00000000000000000001.jsonl"
    segment.write_bytes(segment.read_bytes() + b'{"format":2,"sequence":9')
    opened = run("sync", "--data-dir", data)
    assert (opened.exit_code, "cut changes that were never confirmed off the end" in opened.stderr) == (0, True)


def test_a_copy_whose_shared_header_proves_its_loss_is_refused_by_a_start_and_by_verify(data: Path, target: Path):
    shutil.copytree(data, target)
    segment = target / "events" / "00000000000000000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:-700])
    refused = run("sync", "--data-dir", target)
    assert (refused.exit_code, "Missing: 2 events, 7 to 8" in refused.stderr) == (1, True)
    done = run("verify", target)
    assert (done.exit_code, "of event 8, but its log ends at event 6: 2 events are missing" in done.stderr) == (1, True)
    assert done.stdout.startswith("FAILED: ")


def test_backup_and_data_dir_together_are_wrong_usage(data: Path, target: Path):
    assert run("verify", target, "--data-dir", data).exit_code == 2


def test_a_folder_with_neither_backup_nor_log_is_refused(tmp_path: Path):
    done = run("verify", tmp_path)
    assert (done.exit_code, "holds neither a backup nor an event log" in done.stderr) == (1, True)


def test_a_source_on_a_read_only_disk_is_verified_and_backed_up(tmp_path: Path):
    with mounted(tmp_path / "disk", "size=64m") as disk:
        (disk / "data").mkdir()
        run("seed", "--data-dir", disk / "data")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        verified = run("verify", "--data-dir", disk / "data")
        done = run("backup", tmp_path / "backup", "--data-dir", disk / "data")
    assert (verified.exit_code, verified.stderr) == (0, "")
    assert (done.exit_code, done.stderr) == (0, "")
    assert read_manifest(tmp_path / "backup").last == 8
