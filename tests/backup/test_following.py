"""A continuous copy of a real log: what it survives, and what ends it, without a change to the target."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from support.backup_copies import copied, files_of, log_in, log_of
from support.folder import Folder, Shim, add, failing
from support.logs import QUICK, archive, written
from support.timelines import begin_timeline

from inventory.backup.copy import Copy
from inventory.backup.follow import Follower, marks_of
from inventory.backup.follower_position import FollowerPositions, lag_ms
from inventory.backup.manifest import BackupError, read_manifest
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.log_reader import LogReader
from inventory.eventlog.shared_header import _DURABLE, SharedHeader


class Following:
    """A follower of a folder. ``disk`` is that of the target."""

    def __init__(self, folder: Folder, target: Path) -> None:
        self.folder, self.target, self.disk = folder, target, Shim()
        self.positions = FollowerPositions(folder.layout, Shim(), QUICK)
        self.restart()

    def restart(self) -> None:
        self.copying = Copy(self.folder.layout, self.target, self.disk, self.folder.machine, QUICK)
        marks = partial(marks_of, self.folder.layout, self.folder.machine)
        self.follower = Follower(self.target, self.copying, self.positions, marks)

    def passes(self) -> bool:
        return self.follower.pass_once()

    def has_everything(self) -> bool:
        return log_of(self.target) == log_in(self.folder.layout)


@pytest.fixture
def ledger(folder: Folder) -> FileLedger:
    """A log of 60 events in several segments."""
    return written(folder)


@pytest.fixture
def following(folder: Folder, ledger: FileLedger, tmp_path: Path) -> Iterator[Following]:
    """A follower that has made its first pass."""
    made = Following(folder, tmp_path / "target")
    assert made.passes()
    yield made
    made.copying.close()


def more(ledger: FileLedger, many: int = 10) -> None:
    for _ in range(many):
        add(ledger)


def put_back(folder: Folder, kept: Path) -> None:
    """Put an older copy in the place of the data folder."""
    folder.close()
    shutil.rmtree(folder.layout.root)
    shutil.copytree(kept, folder.layout.root)


def kept_copy(folder: Folder) -> Path:
    kept = folder.layout.root.with_name("kept")
    shutil.copytree(folder.layout.root, kept)
    return kept


def test_each_pass_copies_what_is_new(following: Following, ledger: FileLedger):
    for many in (1, 30, 0, 7):
        more(ledger, many)
        assert (following.passes(), following.has_everything()) == (True, True)
    position = following.positions.find(following.target)
    assert (position.sequence, position.chain) == (98, read_manifest(following.target).chain.hex())


def test_a_pass_that_finds_nothing_new_writes_and_flushes_nothing(following: Following):
    following.passes()
    following.disk.calls.clear()
    before = files_of(following.target)
    following.folder.machine.up += 500_000
    assert following.passes()
    assert (following.disk.calls, files_of(following.target)) == ([], before)
    now = marks_of(following.folder.layout, following.folder.machine).now
    assert lag_ms(following.folder.layout, now) == 0


def test_it_holds_no_event_that_is_not_durable(following: Following, folder: Folder, ledger: FileLedger):
    with closing(SharedHeader(folder.layout.shared_header)) as shared:
        durable = shared.durable
        add(ledger)
        # As if the flush of the last one were still under way.
        shared._items[_DURABLE] = durable
    assert following.passes()
    assert read_manifest(following.target).last == durable


def test_a_segment_that_is_archived_and_deleted_meanwhile_stays_in_the_copy(
    following: Following, folder: Folder, ledger: FileLedger
):
    whole = log_in(folder.layout)
    archive(folder, 2)
    more(ledger)
    following.passes()
    for segment in folder.layout.archived_segments():
        folder.layout.archived(segment).unlink()
    more(ledger)
    assert following.passes()
    assert log_of(following.target).startswith(whole)
    assert read_manifest(following.target).last == 80


def test_a_restarted_follower_goes_on_where_the_other_one_was_killed(following: Following, ledger: FileLedger):
    more(ledger)
    following.copying.close()
    following.restart()
    assert (following.passes(), following.has_everything()) == (True, True)


def test_a_full_target_keeps_the_backup_of_before_and_gets_the_rest_when_there_is_room(
    following: Following, ledger: FileLedger
):
    before = log_of(following.target)
    more(ledger, 40)
    following.disk.instead["write"] = failing(OSError(errno.ENOSPC, "No space left on device"))
    assert not following.passes()
    assert log_of(following.target) == before
    following.disk.instead.clear()
    assert (following.passes(), following.has_everything()) == (True, True)


@pytest.mark.parametrize("call", ["fdatasync", "fsync", "rename", "sync_folder", "truncate"])
def test_a_call_that_fails_once_leaves_the_backup_of_before_and_the_next_pass_goes_on(
    following: Following, ledger: FileLedger, call: str
):
    before = log_of(following.target)
    more(ledger, 40)
    following.copying.close()
    following.disk.instead[call] = failing(OSError(errno.EIO, "injected"))
    assert not following.passes()
    assert log_of(following.target).startswith(before)
    following.disk.instead.clear()
    assert (following.passes(), following.has_everything()) == (True, True)


def test_an_unmounted_target_is_released_and_found_again(following: Following, ledger: FileLedger):
    elsewhere = following.target.rename(following.target.with_name("elsewhere"))
    following.target.mkdir()
    more(ledger)
    assert not following.passes()
    assert list(following.target.iterdir()) == []
    following.target.rmdir()
    elsewhere.rename(following.target)
    assert (following.passes(), following.has_everything()) == (True, True)


def test_an_older_copy_of_the_target_in_its_place_gets_what_it_lacks(following: Following, ledger: FileLedger):
    older = following.target.with_name("older")
    shutil.copytree(following.target, older)
    more(ledger)
    following.passes()
    shutil.rmtree(following.target)
    older.rename(following.target)
    assert (following.passes(), following.has_everything()) == (True, True)


def test_a_backup_of_another_ledger_in_the_place_of_the_target_is_refused_and_not_touched(
    following: Following, ledger: FileLedger, tmp_path: Path
):
    other = Folder(tmp_path / "other")
    written(other)
    copied(other, tmp_path / "backup-of-other")
    other.close()
    shutil.rmtree(following.target)
    (tmp_path / "backup-of-other").rename(following.target)
    before = files_of(following.target)
    more(ledger)
    with pytest.raises(BackupError, match="is a backup of ledger"):
        following.passes()
    assert files_of(following.target) == before


def test_a_manifest_of_another_ledger_that_is_moved_into_the_target_is_refused_and_not_touched(
    following: Following, ledger: FileLedger, tmp_path: Path
):
    other = Folder(tmp_path / "other")
    written(other)
    copied(other, tmp_path / "backup-of-other")
    other.close()
    (tmp_path / "backup-of-other" / "manifest.json").rename(following.target / "manifest.json")
    before = files_of(following.target)
    more(ledger, 40)
    with pytest.raises(BackupError, match="is a backup of ledger"):
        following.passes()
    assert files_of(following.target) == before


def test_a_reboot_is_waited_out_until_a_server_has_started(following: Following, folder: Folder):
    folder.close()
    folder.machine.reboot()
    assert not following.passes()
    more(folder.start(segment_bytes=4096))
    assert (following.passes(), following.has_everything()) == (True, True)


def test_a_data_folder_that_is_away_for_a_while_is_waited_for(following: Following, folder: Folder):
    folder.close()
    away = folder.layout.root.rename(folder.layout.root.with_name("away"))
    assert not following.passes()
    assert not folder.layout.root.exists()
    away.rename(folder.layout.root)
    more(folder.start(segment_bytes=4096))
    assert (following.passes(), following.has_everything()) == (True, True)


def test_a_shared_header_that_was_made_again_is_no_other_ledger(following: Following, folder: Folder):
    folder.close()
    folder.layout.shared_header.unlink()
    more(folder.start(segment_bytes=4096))
    assert (following.passes(), following.has_everything()) == (True, True)


@pytest.mark.parametrize(("more_after", "says"), [(0, "confirmed events are missing there"), (30, "does not continue")])
def test_a_source_that_was_rewound_ends_it(
    following: Following, folder: Folder, ledger: FileLedger, more_after: int, says: str
):
    kept = kept_copy(folder)
    more(ledger)
    following.passes()
    before = files_of(following.target)
    put_back(folder, kept)
    more(folder.start(segment_bytes=4096), more_after)
    with pytest.raises(BackupError, match=says):
        following.passes()
    assert files_of(following.target) == before


def test_a_log_that_was_cut_in_place_ends_it(following: Following, folder: Folder):
    """As after a disk that has lost what it had flushed."""
    folder.close()
    newest = folder.layout.segment(folder.layout.segments()[-1])
    newest.write_bytes(newest.read_bytes().split(b"\n")[0] + b"\n")
    folder.layout.shared_header.unlink()
    folder.prepare()
    before = files_of(following.target)
    with pytest.raises(BackupError, match="confirmed events are missing there"):
        following.passes()
    assert files_of(following.target) == before


def test_another_timeline_under_it_ends_it(following: Following, folder: Folder):
    folder.close()
    with closing(LogReader(folder.layout)) as reader:
        newest = folder.layout.segments()[-1]
        end = read_manifest(following.target).last
        for _ in reader.read_to(reader.cursor.position._replace(segment=newest, offset=_size(folder, newest))):
            pass
        assert reader.cursor.position.sequence == end
        begin_timeline(folder.layout, reader.cursor)
    folder.layout.shared_header.unlink()
    more(folder.start(segment_bytes=4096))
    before = files_of(following.target)
    with pytest.raises(BackupError, match="restored"):
        following.passes()
    assert files_of(following.target) == before


def _size(folder: Folder, segment: int) -> int:
    return folder.layout.segment(segment).stat().st_size


@pytest.mark.parametrize("runs_on", [True, False])
def test_behind_a_gap_it_does_not_go_on(following: Following, folder: Folder, ledger: FileLedger, runs_on: bool):
    more(ledger, 60)
    ledger.log_maintenance.take_snapshot()
    archive(folder, len(folder.layout.segments()) - 1)
    for segment in folder.layout.archived_segments():
        folder.layout.archived(segment).unlink()
    before = files_of(following.target)
    if not runs_on:
        following.copying.close()
        following.restart()
    with pytest.raises(BackupError, match="were deleted from the archive before they were copied"):
        following.passes()
    assert files_of(following.target) == before


def test_a_damaged_line_ends_it_and_names_the_file(following: Following, folder: Folder, ledger: FileLedger):
    more(ledger, 3)
    newest = folder.layout.segment(folder.layout.segments()[-1])
    content = bytearray(newest.read_bytes())
    content[-60] ^= 1
    newest.write_bytes(bytes(content))
    with pytest.raises(LogDamaged, match=newest.name):
        following.passes()


def test_two_copies_to_different_targets_have_a_position_each(following: Following, ledger: FileLedger, tmp_path: Path):
    other = Following(following.folder, tmp_path / "second")
    more(ledger)
    assert (other.passes(), other.has_everything()) == (True, True)
    other.copying.close()
    assert [position.sequence for position in following.positions.all()] == [70, 60]
    following.passes()
    assert [position.sequence for position in following.positions.all()] == [70, 70]


def test_while_it_runs_no_other_process_copies_to_its_target(following: Following):
    with pytest.raises(BackupError, match="another process is copying"):
        copied(following.folder, following.target)
