"""Passes of a backup: which parts of the log they copy, and which they leave unchanged."""

import gzip
from contextlib import closing
from pathlib import Path

import pytest
from support.backup_copies import copied, copying, files_of, log_in, log_of, more
from support.folder import Folder
from support.given import START
from support.logs import MANY, SMALL, archive, written

from inventory.backup.manifest import read_manifest
from inventory.eventlog.errors import EventsMissing, LogDamaged
from inventory.eventlog.line import GENESIS


def test_a_first_pass_copies_the_whole_log(folder: Folder, target: Path):
    ledger = written(folder)
    manifest = copied(folder, target)
    assert log_of(target) == log_in(folder.layout)
    assert (manifest.first, manifest.last, manifest.last_at) == (
        1,
        MANY,
        ledger.history.events(MANY, 1, archived=True)[0].at,
    )
    assert manifest.ledger_id == manifest.timeline_id == ledger.history.events(1, 1, archived=True)[0].event_id


def test_the_next_pass_copies_what_is_new(folder: Folder, target: Path):
    ledger = written(folder)
    copied(folder, target)
    before = files_of(target)
    more(ledger, 30)
    assert copied(folder, target).last == MANY + 30
    assert log_of(target) == log_in(folder.layout)
    sealed = {path for path in before if path.startswith("segments/") and path < max(before)}
    assert {path: files_of(target)[path] for path in sealed} == {path: before[path] for path in sealed}


def test_one_object_goes_on_where_it_stopped_in_a_segment_and_into_the_next(folder: Folder, target: Path):
    ledger = folder.start(segment_bytes=SMALL)
    with closing(copying(folder, target)) as copy:
        for number in range(1, MANY, 3):
            more(ledger, 3)
            assert copy.run().last == number + 2
            assert log_of(target) == log_in(folder.layout)
    assert len(read_manifest(target).segments) > 3


def test_a_pass_without_anything_new_changes_nothing(folder: Folder, target: Path):
    written(folder)
    copied(folder, target)
    before = files_of(target)
    copied(folder, target)
    assert files_of(target) == before


def test_only_the_owner_can_read_the_files(folder: Folder, target: Path):
    written(folder).log_maintenance.take_snapshot()
    copied(folder, target)
    assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (target, *target.iterdir()) if path.is_dir()} == {0o700}


def test_what_is_not_durable_is_not_copied(folder: Folder, target: Path):
    written(folder)
    marks = folder.marks()
    end = marks.published()
    marks.make(folder.machine.boot, end._replace(sequence=MANY - 7), marks.clock_offset)
    marks.publish(end)
    marks.close()
    assert copied(folder, target).last == MANY - 7
    assert log_in(folder.layout).startswith(log_of(target))


def test_without_a_shared_header_of_this_boot_the_log_is_copied_to_its_last_complete_line(folder: Folder, target: Path):
    written(folder)
    folder.machine.reboot()
    newest = folder.layout.segment(folder.layout.segments()[-1])
    whole = log_in(folder.layout)
    newest.write_bytes(newest.read_bytes() + b'{"format":2,"seq')
    assert copied(folder, target).last == MANY
    assert log_of(target) == whole


def test_a_log_that_ends_before_what_its_shared_header_calls_durable_is_copied_and_called_incomplete(
    folder: Folder, target: Path
):
    written(folder)
    folder.machine.reboot()
    newest = folder.layout.segments()[-1]
    path = folder.layout.segment(newest)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(EventsMissing, match=f"Missing: 2 events, {MANY - 1} to {MANY}"):
        copied(folder, target)
    assert read_manifest(target).last == MANY - 2
    assert log_of(target) == log_in(folder.layout)


def test_a_damaged_log_is_copied_up_to_the_damage(folder: Folder, target: Path):
    written(folder)
    path = folder.layout.segment(folder.layout.segments()[1])
    path.write_bytes(path.read_bytes().replace(b'"onHand":', b'"onHand": ', 1))
    with pytest.raises(LogDamaged, match="line 1"):
        copied(folder, target)
    assert read_manifest(target).last == folder.layout.segments()[1] - 1
    log_of(target)


def test_an_empty_log_has_an_empty_backup_which_goes_on_with_the_first_event(folder: Folder, target: Path):
    ledger = folder.start()
    with closing(copying(folder, target)) as copy:
        assert (copy.run().last, copy.run().ledger_id) == (0, None)
        more(ledger)
        manifest = copy.run()
    assert (manifest.last, manifest.ledger_id) == (5, ledger.history.events(1, 1, archived=True)[0].event_id)


def test_compressed_segments_are_copied_as_they_are(folder: Folder, target: Path):
    written(folder)
    archive(folder, 2)
    manifest = copied(folder, target)
    assert [file.packed for file in manifest.segments][:3] == [True, True, False]
    assert log_of(target) == log_in(folder.layout)


def test_a_segment_that_is_there_is_not_copied_again_when_it_is_compressed_or_deleted(folder: Folder, target: Path):
    ledger = written(folder)
    copied(folder, target)
    before = read_manifest(target).segments
    ledger.log_maintenance.take_snapshot()
    archive(folder, 2)
    folder.layout.archived(1).unlink()
    more(ledger, 30)
    manifest = copied(folder, target)
    assert (manifest.segments[: len(before) - 1], manifest.first) == (before[:-1], 1)
    assert manifest.last == MANY + 30


def test_a_segment_that_was_half_copied_is_completed_from_the_archive(folder: Folder, target: Path):
    ledger = folder.start(segment_bytes=SMALL)
    more(ledger, 3)
    copied(folder, target)
    more(ledger, MANY)
    whole = log_in(folder.layout)
    archive(folder, 2)
    manifest = copied(folder, target)
    assert (log_of(target), [file.packed for file in manifest.segments[:2]]) == (whole, [False, True])


def test_a_damaged_part_of_the_archive_is_named(folder: Folder, target: Path):
    written(folder)
    second = folder.layout.segments()[1]
    archive(folder, 2)
    path = folder.layout.archived(second)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LogDamaged, match=path.name):
        copied(folder, target)
    assert read_manifest(target).last == second - 1
    log_of(target)


def test_a_part_of_the_archive_that_ends_within_a_line_is_damaged(folder: Folder, target: Path):
    written(folder)
    second = folder.layout.segments()[1]
    archive(folder, 2)
    path = folder.layout.archived(second)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(LogDamaged, match="the last line is incomplete"):
        copied(folder, target)
    assert read_manifest(target).last == second - 1


def test_the_first_segment_follows_no_event(folder: Folder, target: Path):
    written(folder)
    assert copied(folder, target).segments[0].chain_before == GENESIS


def test_the_manifest_says_when_it_was_made(folder: Folder, target: Path):
    written(folder)
    assert copied(folder, target).made_at == START


def test_progress_rises_to_the_total(folder: Folder, target: Path):
    written(folder)
    archive(folder, 2)
    told: list[tuple[int, int]] = []
    with closing(copying(folder, target)) as copy:
        copy.run(lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in (target / "segments").iterdir())
    assert told == sorted(told)
    assert told[-1] == (size, size)
    assert len(told) >= len(read_manifest(target).segments)
