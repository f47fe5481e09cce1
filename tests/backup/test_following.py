"""A continuous copy of a real log: what each pass copies, and what it survives."""

import errno
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from support.backup_copies import copied, copying, files_of, log_in, log_of
from support.continuous_copy import Following, more
from support.folder import Folder, add, failing
from support.logs import archive

from inventory.backup.follow import marks_of
from inventory.backup.follower_position import lag_ms
from inventory.backup.manifest import BackupError, read_manifest
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.shared_header import _DURABLE, SharedHeader


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


def test_while_another_process_copies_to_its_target_it_waits(following: Following):
    following.passes()
    following.copying.close()
    with closing(copying(following.folder, following.target)) as once:
        once.run()
        assert not following.passes()
    assert following.passes()
    assert following.has_everything()
