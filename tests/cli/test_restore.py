"""``inventory restore``: what it prints, how it ends, and which moments it accepts."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from support.backups import A, copied, events_of, traffic
from support.commands import run
from support.folder import Folder
from support.given import START
from support.holds_on_folder import do

from inventory.backup.manifest import BackupLayout
from inventory.domain.hold_commands import reserve_one
from inventory.domain.values import Instant, format_instant
from inventory.eventlog.layout import Layout


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with a few events, closed, and its backup beside it."""
    folder = Folder(tmp_path / "data")
    traffic(folder, folder.start(), 2)
    folder.close()
    copied(folder.layout, tmp_path / "backup")
    return folder


@pytest.fixture
def backup(folder: Folder) -> Path:
    return folder.layout.root.with_name("backup")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def test_it_says_what_was_restored_and_names_the_timeline(folder: Folder, backup: Path, target: Path):
    ended = run("restore", backup, "--data-dir", target)
    last = events_of(folder.layout)[-1]
    timeline = events_of(Layout(target))[-1].event_id
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[:2] == [
        f"Restored {target} up to event {last.sequence} ({format_instant(last.at)}).",
        f"Event {last.sequence + 1}, ledger.restored, begins the timeline {timeline}.",
    ]


def test_it_says_what_is_left_behind_and_which_holds_the_first_start_ends(folder: Folder, backup: Path, target: Path):
    last = events_of(folder.layout)[-1].sequence
    ended = run("restore", backup, "--data-dir", target, "--until", 10)
    assert f"{last - 10} later events left behind." in ended.stdout
    made = next(event for event in events_of(folder.layout) if "due-" in str(event.reservation))
    held = made.reservation
    assert f"  {held and held.reservation_id} expired {format_instant(Instant(START + 1_500_000))}\n" in ended.stdout


def test_it_says_until_when_a_key_would_count_again(folder: Folder, backup: Path, target: Path):
    with patch("inventory.cli.restore.HostClock.wall", return_value=START):
        ended = run("restore", backup, "--data-dir", target, "--until", 2)
    ends = max(event.key_use.expires_at for event in events_of(folder.layout) if event.key_use)
    assert f"Until {format_instant(ends)}, a retry" in ended.stdout


def test_of_many_holds_the_first_20_are_shown_and_all_in_json(tmp_path: Path):
    folder = Folder(tmp_path / "data")
    ledger = folder.start()
    traffic(folder, ledger, 1)
    for number in range(30):
        do(ledger, reserve_one(A, 1, f"hold-{number}", ttl_ms=1))
    folder.close()
    copied(folder.layout, tmp_path / "backup")
    ended = run("restore", tmp_path / "backup", "--data-dir", tmp_path / "one")
    shown = json.loads(run("restore", tmp_path / "backup", "--data-dir", tmp_path / "two", "--json").stdout)
    many = len(shown["expiringHolds"])
    assert f"  … and {many - 20} more; --json lists all" in ended.stdout
    assert many > 30


def test_the_result_as_json_has_everything(folder: Folder, backup: Path, target: Path):
    events = events_of(folder.layout)
    shown = json.loads(run("restore", backup, "--data-dir", target, "--until", 3, "--json").stdout)
    assert {name: shown[name] for name in shown if name not in ("timelineId", "expiringHolds")} == {
        "restoredSequence": 3,
        "restoredAt": format_instant(events[2].at),
        "ledgerId": events[0].event_id,
        "asOfSequence": 4,
        "leftBehind": len(events) - 3,
        "lostInBackup": 0,
        "keysCountAgainUntil": None,
        "damage": [],
    }
    assert shown["timelineId"] == events_of(Layout(target))[-1].event_id


def test_an_instant_may_have_any_offset(folder: Folder, backup: Path, target: Path):
    second = events_of(folder.layout)[-1].at
    # One hour ahead of UTC, an hour later on the clock.
    text = format_instant(second + 3_600_000_000).removesuffix("Z") + "+01:00"
    ended = run("restore", backup, "--data-dir", target, "--until", text, "--json")
    assert json.loads(ended.stdout)["leftBehind"] == 0


@pytest.mark.parametrize("moment", ["2026-11-22T14:38:20", "yesterday", "", "-1", "1.5", "9" * 19])
def test_a_moment_without_an_offset_or_a_meaning_is_a_usage_error(backup: Path, target: Path, moment: str):
    ended = run("restore", backup, "--data-dir", target, f"--until={moment}")
    assert (ended.exit_code, "an RFC 3339 time with an offset, such as" in ended.stderr) == (2, True)
    assert not target.exists()


def test_a_damaged_backup_is_refused_and_nothing_is_made(backup: Path, target: Path):
    (path,) = BackupLayout(backup).segments.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    ended = run("restore", backup, "--data-dir", target)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert f"{path}: has " in ended.stderr
    assert "event 26 is lost" in ended.stderr
    assert not target.exists()


def test_up_to_damage_the_rest_is_restored_and_the_damage_is_shown(backup: Path, target: Path, tmp_path: Path):
    (path,) = BackupLayout(backup).segments.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    ended = run("restore", backup, "--data-dir", target, "--up-to-damage")
    assert ended.exit_code == 0
    assert f"damaged: {path}: has " in ended.stdout
    assert "1 later event left behind, 1 of them lost in the backup with their keys." in ended.stdout
    shown = run("restore", backup, "--data-dir", tmp_path / "again", "--up-to-damage", "--json")
    assert [(one["path"], one["lostEvents"]) for one in json.loads(shown.stdout)["damage"]] == [(str(path), 1)]


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path, target: Path):
    (tmp_path / "copy").mkdir()
    ended = run("restore", tmp_path / "copy", "--data-dir", target)
    assert (ended.exit_code, "has no manifest" in ended.stderr) == (1, True)
    assert "See 'From a copy without a manifest' in docs/how-to/backup-and-restore.md" in ended.stderr


def test_a_damaged_manifest_is_refused_with_the_page_that_says_what_remains(backup: Path, target: Path):
    with BackupLayout(backup).manifest.open("ab") as manifest:
        manifest.write(b"x")
    ended = run("restore", backup, "--data-dir", target)
    assert (ended.exit_code, target.exists()) == (1, False)
    assert "manifest.json: the manifest is damaged (its hash does not match). Nothing was restored. See" in ended.stderr


def test_a_folder_that_is_not_empty_is_refused_before_the_backup_is_read(folder: Folder, tmp_path: Path):
    ended = run("restore", tmp_path / "missing", "--data-dir", folder.layout.root)
    assert (ended.exit_code, "is not empty: it has events" in ended.stderr) == (1, True)


@pytest.mark.parametrize("inside", ["new", "segments/new"])
def test_a_folder_inside_the_backup_is_refused_and_not_made(backup: Path, inside: str):
    ended = run("restore", backup, "--data-dir", backup / inside)
    assert (ended.exit_code, "is inside the backup" in ended.stderr) == (1, True)
    assert not (backup / inside).exists()


def test_stopped_with_ctrl_c_it_leaves_nothing_and_its_status_is_130(backup: Path, target: Path):
    with patch("inventory.backup.restore.timeline_start", side_effect=KeyboardInterrupt):
        ended = run("restore", backup, "--data-dir", target)
    assert (ended.exit_code, target.exists()) == (130, False)


def test_on_a_full_disk_it_says_so_and_that_nothing_was_restored(backup: Path, target: Path):
    with patch("inventory.resilience.disk.Disk.write", side_effect=OSError(28, "No space left on device")):
        ended = run("restore", backup, "--data-dir", target)
    assert (ended.exit_code, ended.stderr) == (
        1,
        f"Error: {target}: No space left on device; nothing was restored\n",
    )
    assert not target.exists()
