"""``inventory verify BACKUP``: any damage to any file is reported, with exactly the events that are lost with it."""

import gzip
import random
import shutil
import zlib
from pathlib import Path

import pytest
from support.backup_copies import copied, more
from support.folder import Folder
from support.logs import MANY, archive, written

from inventory.backup.manifest import BackupError, BackupFile, BackupLayout, Manifest, read_manifest
from inventory.backup.verify_backup import verify_backup
from inventory.eventlog.layout import Layout


@pytest.fixture
def backup(folder: Folder, target: Path) -> Path:
    """One with compressed segments, others, a half-full one, and a snapshot."""
    ledger = written(folder)
    ledger.log_maintenance.take_snapshot()
    archive(folder, 2)
    copied(folder, target)
    more(ledger)
    manifest = copied(folder, target)
    assert {(file.kind, file.packed) for file in manifest.files} == {
        ("segment", True),
        ("segment", False),
        ("snapshot", False),
    }
    return target


def assert_reported(backup: Path, manifest: Manifest, damaged: dict[BackupFile, int]) -> None:
    """Each of these files, and no other, is reported, with its events from the given one on."""
    found = verify_backup(backup)
    assert not found.ok
    told = {damage.path: (damage.first, damage.last, damage.lost) for damage in found.damage}
    assert told == {
        backup / file.path: (first, file.last, file.last - first + 1) if file.kind == "segment" else (1, 0, 0)
        for file, first in damaged.items()
    }
    lost = [first for file, first in damaged.items() if file.kind == "segment" and first <= file.last]
    assert found.last == min(lost, default=manifest.last + 1) - 1
    for file, first in damaged.items():
        (problem,) = [text for text in found.problems if file.path in text]
        assert ("no event is lost" in problem) == (file.kind == "snapshot" or first > file.last)


def first_lost(file: BackupFile, content: bytes) -> int:
    """The first event of a file that its first bytes do not have completely."""
    if file.packed:
        content = zlib.decompressobj(31).decompress(content)
    return file.first + content.count(b"\n")


def test_an_undamaged_backup_is_proven_to_its_end(backup: Path):
    found = verify_backup(backup)
    assert (found.ok, found.last, found.damage, found.problems) == (True, MANY + 5, [], [])
    assert found.last_at is not None


def test_every_file_cut_at_any_of_200_places_is_reported_with_its_loss(backup: Path):
    manifest, places = read_manifest(backup), random.Random("places")
    files = [BackupLayout(backup).path(file) for file in manifest.files]
    for _ in range(200):
        file = places.choice(manifest.files)
        path = backup / file.path
        content = path.read_bytes()
        size = places.randrange(len(content))
        path.write_bytes(content[:size])
        assert_reported(backup, manifest, {file: first_lost(file, content[:size])})
        path.write_bytes(content)
    assert len(files) > 5
    assert verify_backup(backup).ok


def test_a_flipped_bit_anywhere_in_the_log_loses_the_events_from_its_line_on(backup: Path):
    manifest, places = read_manifest(backup), random.Random("bits")
    plain = [file for file in manifest.segments if not file.packed]
    for _ in range(100):
        file = places.choice(plain)
        path = backup / file.path
        content = path.read_bytes()
        place = places.randrange(len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << places.randrange(8)
        path.write_bytes(damaged)
        assert_reported(backup, manifest, {file: file.first + content[:place].count(b"\n")})
        path.write_bytes(content)


def test_a_manifest_cut_at_any_of_200_places_is_reported(backup: Path):
    path, places = BackupLayout(backup).manifest, random.Random("places")
    content = path.read_bytes()
    for _ in range(200):
        path.write_bytes(content[: places.randrange(len(content))])
        found = verify_backup(backup)
        assert (found.ok, found.manifest, "manifest.json: the manifest is damaged" in found.problems[0]) == (
            False,
            None,
            True,
        )


def test_each_file_that_is_deleted_is_reported_with_its_loss(backup: Path):
    manifest = read_manifest(backup)
    for file in manifest.files:
        content = (backup / file.path).read_bytes()
        (backup / file.path).unlink()
        assert_reported(backup, manifest, {file: file.first})
        (backup / file.path).write_bytes(content)


def test_each_file_that_is_emptied_is_reported_with_its_loss(backup: Path):
    manifest = read_manifest(backup)
    for file in manifest.files:
        content = (backup / file.path).read_bytes()
        (backup / file.path).write_bytes(b"")
        assert_reported(backup, manifest, {file: file.first})
        (backup / file.path).write_bytes(content)


def test_any_two_files_that_are_swapped_are_reported_with_their_loss(backup: Path):
    manifest = read_manifest(backup)
    for number, one in enumerate(manifest.files):
        for other in manifest.files[number + 1 :]:
            swap(backup / one.path, backup / other.path)
            assert_reported(backup, manifest, {one: one.first, other: other.first})
            swap(backup / one.path, backup / other.path)
    assert verify_backup(backup).ok


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def test_all_files_deleted_lose_everything(backup: Path):
    manifest = read_manifest(backup)
    for file in manifest.files:
        (backup / file.path).unlink()
    assert_reported(backup, manifest, {file: file.first for file in manifest.files})
    assert verify_backup(backup).last == 0


def test_bytes_that_the_manifest_does_not_name_are_no_part_of_the_backup(backup: Path):
    newest = backup / read_manifest(backup).segments[-1].path
    newest.write_bytes(newest.read_bytes() + b'{"format":2')
    assert verify_backup(backup).ok


def test_a_backup_without_its_beginning_and_without_its_snapshot_cannot_be_restored(folder: Folder, target: Path):
    ledger = written(folder)
    ledger.log_maintenance.take_snapshot()
    archive(folder, 2)
    for archived in folder.layout.archived_segments():
        folder.layout.archived(archived).unlink()
    (base,) = copied(folder, target).snapshots
    assert verify_backup(target).ok
    (target / base.path).unlink()
    found = verify_backup(target)
    assert not found.ok
    assert "no stock can be restored" in found.problems[-1]


def test_of_a_damaged_manifest_it_says_what_the_segments_hold(backup: Path):
    manifest = BackupLayout(backup).manifest
    manifest.write_bytes(manifest.read_bytes()[:-1])
    found = verify_backup(backup)
    assert (found.ok, found.manifest, found.last, len(found.problems)) == (False, None, MANY + 5, 1)


def test_a_copy_without_a_manifest_is_read_to_its_end_and_nothing_is_proven(backup: Path, folder: Folder):
    BackupLayout(backup).manifest.unlink()
    found = verify_backup(backup)
    assert (found.ok, found.manifest, found.last, found.problems, found.notes) == (False, None, MANY + 5, [], [])
    assert found.last_at is not None
    copy = shutil.copytree(folder.layout.root, backup.parent / "copy")
    assert verify_backup(copy).last == MANY + 5


@pytest.mark.parametrize("bytes_cut", [1, 200])
def test_a_copy_that_was_cut_in_a_line_is_called_incomplete_and_not_unconfirmed(
    folder: Folder, tmp_path: Path, bytes_cut: int
):
    written(folder)
    copy = Layout(shutil.copytree(folder.layout.events, tmp_path / "copy" / "events").parent)
    newest = copy.segment(copy.segments()[-1])
    newest.write_bytes(newest.read_bytes()[:-bytes_cut])
    found = verify_backup(copy.root)
    assert (found.last, found.problems) == (MANY - 1, [])
    assert "ends in an incomplete line" in found.notes[0]
    assert "confirm" not in found.notes[0]


def test_a_copy_that_other_files_prove_to_be_cut_is_reported_with_the_loss(folder: Folder, tmp_path: Path):
    written(folder)
    copy = Layout(shutil.copytree(folder.layout.root, tmp_path / "copy"))
    newest = copy.segment(copy.segments()[-1])
    newest.write_bytes(b"".join(newest.read_bytes().splitlines(keepends=True)[:-3]))
    found = verify_backup(copy.root)
    assert (found.last, f"of event {MANY}, but its log ends at event {MANY - 3}: 3 events are missing") == (
        MANY - 3,
        found.problems[0].partition("header ")[2],
    )


def test_a_copy_with_damage_in_the_middle_is_reported(folder: Folder, tmp_path: Path):
    written(folder)
    copy = Layout(shutil.copytree(folder.layout.events, tmp_path / "copy" / "events").parent)
    second = copy.segments()[1]
    copy.segment(second).unlink()
    found = verify_backup(copy.root)
    assert (found.last, "Missing" in found.problems[0]) == (second - 1, True)


def test_a_folder_with_neither_is_refused(tmp_path: Path):
    with pytest.raises(BackupError, match="neither a backup nor an event log"):
        verify_backup(tmp_path)


def test_a_valid_log_of_another_ledger_proves_nothing(backup: Path, tmp_path: Path):
    other = Folder(tmp_path / "other")
    written(other)
    other.close()
    manifest = read_manifest(backup)
    first = manifest.segments[0]
    (backup / first.path).write_bytes(gzip.compress(other.layout.segment(1).read_bytes()))
    assert_reported(backup, manifest, {first: first.first})
