"""Targets that a backup refuses, and does not change."""

from contextlib import closing
from pathlib import Path

import pytest
from support.backup_copies import copied, copying, files_of, log_in, log_of, more
from support.folder import Folder, Shim
from support.logs import MANY, SMALL, archive, written
from support.timelines import begin_timeline

from inventory.backup.manifest import BackupDamaged, BackupError, BackupLayout, read_manifest
from inventory.backup.source import durable_part
from inventory.backup.target import TargetInUse, existing_manifest
from inventory.eventlog.errors import EventsMissing
from inventory.eventlog.log_reader import LogReader


def restore(folder: Folder) -> None:
    """End the log with the event that begins another timeline, as a restore of all of it does."""
    folder.close()
    with closing(LogReader(folder.layout)) as reader:
        for _ in reader.read_to(durable_part(folder.layout, Shim(), folder.machine).end):
            pass
        begin_timeline(folder.layout, reader.cursor)
    folder.prepare()


def test_another_ledger_is_refused_and_the_target_is_not_touched(folder: Folder, target: Path, tmp_path: Path):
    written(folder)
    copied(folder, target)
    other = Folder(tmp_path / "other")
    written(other)
    before = files_of(target)
    with pytest.raises(BackupError, match="is a backup of ledger"):
        copied(other, target)
    other.close()
    assert files_of(target) == before


def test_another_timeline_is_refused_and_the_target_is_not_touched(folder: Folder, target: Path):
    written(folder)
    copied(folder, target)
    before = files_of(target)
    restore(folder)
    with pytest.raises(BackupError, match="is a backup of timeline"):
        copied(folder, target)
    assert files_of(target) == before


def test_a_timeline_that_begins_under_a_copy_ends_it_before_its_first_event(folder: Folder, target: Path):
    ledger = written(folder)
    with closing(copying(folder, target)) as copy:
        copy.run()
        more(ledger)
        restore(folder)
        with pytest.raises(BackupError, match=f"event {MANY + 6} begins another timeline"):
            copy.run()
    assert read_manifest(target).last == MANY + 5


def test_a_log_that_was_restored_is_copied_as_a_whole(folder: Folder, target: Path):
    written(folder)
    restore(folder)
    manifest = copied(folder, target)
    assert (manifest.last, log_of(target)) == (MANY + 1, log_in(folder.layout))
    assert manifest.timeline_id != manifest.ledger_id


def test_a_log_that_has_lost_events_of_the_backup_is_refused(folder: Folder, target: Path):
    ledger = folder.start()
    more(ledger)
    shorter = folder.layout.segment(1).read_bytes()
    more(ledger)
    copied(folder, target)
    before = files_of(target)
    folder.close()
    folder.layout.segment(1).write_bytes(shorter)
    folder.layout.shared_header.unlink()
    with pytest.raises(BackupError, match=r"has events up to 10, but the log in .* ends at event 5"):
        copied(folder, target)
    assert files_of(target) == before


def test_a_log_that_went_on_otherwise_is_refused(folder: Folder, target: Path):
    ledger = folder.start()
    more(ledger)
    shorter = folder.layout.segment(1).read_bytes()
    more(ledger)
    copied(folder, target)
    before = files_of(target)
    folder.close()
    folder.layout.segment(1).write_bytes(shorter)
    folder.layout.shared_header.unlink()
    more(folder.start(), 10)
    with pytest.raises(BackupError, match="does not continue"):
        copied(folder, target)
    assert files_of(target) == before


def test_events_that_were_deleted_before_they_were_copied_are_a_gap_and_nothing_is_copied_behind_it(
    folder: Folder, target: Path
):
    ledger = folder.start(segment_bytes=SMALL)
    more(ledger, 3)
    copied(folder, target)
    before = files_of(target)
    more(ledger, MANY)
    ledger.log_maintenance.take_snapshot()
    begin = archive(folder, 2)[0]
    for archived in folder.layout.archived_segments():
        folder.layout.archived(archived).unlink()
    with pytest.raises(BackupError, match=rf"ends at event 3, but the log in .* begins at event {begin}"):
        copied(folder, target)
    assert files_of(target) == before


def test_a_gap_that_opens_between_two_passes_ends_the_copy(folder: Folder, target: Path):
    ledger = folder.start(segment_bytes=SMALL)
    more(ledger, 3)
    with closing(copying(folder, target)) as copy:
        copy.run()
        more(ledger, MANY)
        archive(folder, 2)
        for archived in folder.layout.archived_segments():
            folder.layout.archived(archived).unlink()
        with pytest.raises(EventsMissing, match="Missing"):
            copy.run()
    assert read_manifest(target).last == 3


@pytest.mark.parametrize("name", ["notes.txt", "events", "manifest.txt"])
def test_a_folder_with_something_else_in_it_is_refused_and_not_touched(folder: Folder, target: Path, name: str):
    written(folder)
    target.mkdir()
    (target / name).write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        copied(folder, target)
    assert files_of(target) == {name: b"mine"}


def test_a_new_file_system_is_an_empty_folder(folder: Folder, target: Path):
    written(folder)
    (target / "lost+found").mkdir(parents=True)
    assert copied(folder, target).last == MANY


def test_a_folder_in_a_folder_that_does_not_exist_is_refused(folder: Folder, target: Path):
    written(folder)
    with pytest.raises(BackupError, match="does not exist"):
        copied(folder, target / "not-mounted" / "backup")
    assert not target.exists()


def test_two_copies_to_one_target_at_the_same_time_are_refused(folder: Folder, target: Path):
    ledger = written(folder)
    with closing(copying(folder, target)) as copy:
        copy.run()
        with pytest.raises(BackupError, match="another process is copying"):
            copied(folder, target)
        more(ledger)
        assert copy.run().last == MANY + 5
    assert copied(folder, target).last == MANY + 5


def test_a_first_copy_that_another_process_has_just_made_is_not_made_again(
    folder: Folder, target: Path, monkeypatch: pytest.MonkeyPatch
):
    ledger = written(folder)
    looked = existing_manifest(target)
    copied(folder, target)
    more(ledger)
    before = files_of(target)
    monkeypatch.setattr("inventory.backup.copy.existing_manifest", lambda _: looked)
    with pytest.raises(TargetInUse, match="has just copied"):
        copied(folder, target)
    assert files_of(target) == before


def test_a_link_in_the_place_of_a_segment_leads_to_no_other_file(folder: Folder, target: Path):
    ledger = written(folder)
    copied(folder, target)
    (newest,) = {file.path for file in read_manifest(target).segments[-1:]}
    (target / newest).unlink()
    log = log_in(folder.layout)
    (target / newest).symlink_to(folder.layout.segment(folder.layout.segments()[-1]))
    more(ledger)
    with pytest.raises(OSError, match="symbolic links"):
        copied(folder, target)
    assert log_in(folder.layout).startswith(log)


def test_a_backup_whose_manifest_was_damaged_is_not_extended(folder: Folder, target: Path):
    ledger = written(folder)
    copied(folder, target)
    with BackupLayout(target).manifest.open("ab") as manifest:
        manifest.write(b"x")
    before = files_of(target)
    more(ledger)
    with pytest.raises(BackupError, match=r"Nothing was changed\. Choose another folder$"):
        copied(folder, target)
    assert files_of(target) == before


def test_a_backup_whose_newest_segment_was_damaged_is_not_extended(folder: Folder, target: Path):
    ledger = written(folder)
    newest = BackupLayout(target).path(copied(folder, target).segments[-1])
    newest.write_bytes(newest.read_bytes().replace(b"sku-1", b"sku-2", 1))
    before = files_of(target)
    more(ledger)
    with pytest.raises(BackupDamaged, match="inventory verify"):
        copied(folder, target)
    assert files_of(target) == before
