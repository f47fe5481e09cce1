"""A gap, another ledger or timeline, and a rewound or damaged log end a continuous copy; its target is unchanged."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from support.backup_copies import copied, files_of
from support.continuous_copy import Following, more
from support.folder import Folder
from support.logs import archive, written
from support.timelines import begin_timeline

from inventory.backup.manifest import BackupError, read_manifest
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.log_reader import LogReader


def put_back(folder: Folder, kept: Path) -> None:
    """Put an older copy in the place of the data folder."""
    folder.close()
    shutil.rmtree(folder.layout.root)
    shutil.copytree(kept, folder.layout.root)


def kept_copy(folder: Folder) -> Path:
    kept = folder.layout.root.with_name("kept")
    shutil.copytree(folder.layout.root, kept)
    return kept


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
