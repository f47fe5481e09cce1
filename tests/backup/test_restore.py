"""A restore: what the new folder holds, for every kind of backup and every moment."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from support.backups import SECOND, A, copied, copy_now, events_of, folded, known, restored, traffic
from support.folder import Folder, Shim, add
from support.given import START

from inventory.backup.manifest import BackupError, BackupLayout, read_manifest
from inventory.backup.proof import Progress
from inventory.backup.restore import restore
from inventory.backup.restore_plan import Until, plan_restore
from inventory.domain.values import Instant, format_instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.timeline import ids_at
from inventory.verification.verify import verify


@pytest.fixture
def target(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "restored")


def started(layout: Layout, machine_up: int = 0) -> Folder:
    """The restored folder, with a clock that has gone on."""
    folder = Folder(layout.root)
    folder.machine.up = machine_up
    return folder


@pytest.mark.slow
def test_every_prefix_of_a_log_is_restored_as_it_was(source: Layout, tmp_path: Path):
    copy_now(source, tmp_path / "copy")
    for sequence in range(1, events_of(source)[-1].sequence + 1):
        target = Layout(tmp_path / f"restored-{sequence}")
        result = restored(tmp_path / "copy", target, Until(sequence))
        assert result.sequence == sequence + 1
        assert known(folded(target)) == known(folded(source, sequence))
        found = verify(target)
        assert (found.problems, found.drift.count, found.checked_sequence) == ([], 0, sequence + 1)


def test_without_a_moment_everything_is_restored_byte_for_byte(source: Layout, backup: Path, target: Layout):
    restored(backup, target)
    for first in source.segments():
        assert target.segment(first).read_bytes() == source.segment(first).read_bytes()
    for first in source.archived_segments():
        assert target.archived(first).read_bytes() == source.archived(first).read_bytes()
    assert target.archived_segments() == source.archived_segments()
    assert target.snapshot_sequences() == source.snapshot_sequences()


def test_the_restored_log_ends_with_an_event_that_names_its_timeline(source: Layout, backup: Path, target: Layout):
    result = restored(backup, target, Until(30), now=START + 7)
    before, last = events_of(target)[-2:]
    assert (last.sequence, last.type, last.lines) == (31, "ledger.restored", ())
    assert last.event_id == result.timeline_id == ids_at(target, 31).timeline_id
    assert ids_at(target, 31).ledger_id == result.ledger_id == ids_at(source, 30).ledger_id
    assert f"up to event 30 ({format_instant(before.at)})" in (last.note.reason or "")
    assert target.segment(31).read_bytes().startswith(b'{"format":2,')


def test_that_event_is_never_before_the_last_restored_one(source: Layout, backup: Path, target: Layout):
    end = events_of(source)[-1].at
    assert restored(backup, target, now=START - SECOND).at == end


def test_two_restores_of_one_backup_are_two_timelines_of_one_ledger(backup: Path, tmp_path: Path):
    one, two = (restored(backup, Layout(tmp_path / name)) for name in ("one", "two"))
    assert one.ledger_id == two.ledger_id
    assert len({one.ledger_id, one.timeline_id, two.timeline_id}) == 3


def test_a_backup_of_a_restored_ledger_is_restored_to_a_third_timeline(backup: Path, target: Layout, tmp_path: Path):
    first = restored(backup, target, Until(40))
    again = started(target, 90 * SECOND)
    add(again.start(), at=A)
    again.close()
    copied(target, tmp_path / "second-backup")
    second = restored(tmp_path / "second-backup", Layout(tmp_path / "third"))
    assert (second.ledger_id, second.sequence) == (first.ledger_id, 43)
    assert second.timeline_id != first.timeline_id
    assert ids_at(Layout(tmp_path / "third"), 42).timeline_id == first.timeline_id


def test_versions_go_on_where_the_restored_log_ends(source: Layout, backup: Path, target: Layout):
    restored(backup, target, Until(30))
    before = folded(source, 30).records[A]
    outcome = add(started(target, 90 * SECOND).start(), at=A)
    assert outcome.event.sequence == 32
    assert (outcome.event.lines[0].version, outcome.event.lines[0].previous) == (before.version + 1, before.sequence)


def test_keys_up_to_the_moment_replay_and_later_ones_count_again(source: Layout, backup: Path, target: Layout):
    first, later = [event for event in events_of(source) if event.key_use and "sell" in event.key_use.key][-2:]
    restored(backup, target, Until(later.sequence - 1))
    # Within the minute for which keys are remembered.
    again = started(target, later.at - START)
    ledger = again.start()
    repeated, counted = (add(ledger, at=A, key=event.key_use and event.key_use.key) for event in (first, later))
    assert (repeated.replayed, repeated.event.event_id) == (True, first.event_id)
    assert (counted.replayed, counted.event.sequence) == (False, later.sequence + 1)
    again.close()


@pytest.mark.parametrize(("after", "expected"), [(0, 0), (SECOND // 2, 0), (-1, -1)])
def test_an_instant_restores_the_last_event_that_is_not_after_it(
    source: Layout, backup: Path, target: Layout, after: int, expected: int
):
    events = events_of(source)
    # The last one of its second: all events of a round share an instant.
    last = [one for one, following in pairwise(events) if following.at > one.at]
    chosen = last[3]
    result = restored(backup, target, Until(at=Instant(chosen.at + after)))
    assert result.sequence == (chosen if expected == 0 else last[2]).sequence + 1


def test_a_moment_inside_an_archived_segment_cuts_it(source: Layout, backup: Path, target: Layout):
    archived = source.archived_segments()
    restored(backup, target, Until(archived[2] + 1))
    assert target.archived_segments() == archived[:2]
    assert target.segments() == [archived[2], archived[2] + 2]
    there = gzip.decompress(source.archived(archived[2]).read_bytes()).splitlines(keepends=True)
    assert target.segment(archived[2]).read_bytes() == b"".join(there[:2])


def test_a_moment_at_the_end_of_an_archived_segment_leaves_it_in_the_archive(
    source: Layout, backup: Path, target: Layout
):
    archived = source.archived_segments()
    restored(backup, target, Until(archived[1] - 1))
    assert (target.archived_segments(), target.segments()) == ([1], [archived[1]])
    assert verify(target).ok


def test_a_compressed_segment_behind_one_that_is_not_is_restored_uncompressed(folder: Folder, tmp_path: Path):
    ledger = folder.start(segment_bytes=2048)
    traffic(folder, ledger, 3)
    folder.close()
    second = folder.layout.segments()[1]
    plain = folder.layout.segment(second).read_bytes()
    folder.layout.archived(second).write_bytes(gzip.compress(plain))
    folder.layout.segment(second).unlink()
    copied(folder.layout, tmp_path / "backup")
    target = Layout(tmp_path / "restored")
    restored(tmp_path / "backup", target)
    assert (target.archived_segments(), target.segment(second).read_bytes()) == ([], plain)
    assert verify(target).ok


def test_of_the_snapshots_those_up_to_the_moment_are_restored(source: Layout, backup: Path, target: Layout):
    older, newer = source.snapshot_sequences()
    restored(backup, target, Until(newer - 1))
    assert target.snapshot_sequences() == [older]


@pytest.mark.parametrize("step", ["reading the events", "restoring"])
def test_a_snapshot_that_a_running_copy_replaces_meanwhile_is_not_needed(
    source: Layout, backup: Path, target: Layout, step: str
):
    newest = BackupLayout(backup).path(read_manifest(backup).files[-1])

    @contextmanager
    def replacing(label: str) -> Iterator[Progress]:
        if label == step:
            newest.unlink()
        yield lambda _done, _all: None

    plan = plan_restore(backup, Until(), START, bars=replacing)
    restore(plan, target, START, "node-2", Shim(), replacing)
    assert known(folded(target)) == known(folded(source))
    assert target.snapshot_sequences() == source.snapshot_sequences()[:-1]


@pytest.mark.parametrize("until", [Until(0), Until(at=Instant(START - 1))])
def test_before_the_first_event_there_is_no_moment_to_restore(backup: Path, target: Layout, until: Until):
    with pytest.raises(BackupError, match=rf"before event 1 \({format_instant(START)}\)"):
        restored(backup, target, until)
    assert not target.root.exists()


def test_after_the_last_event_everything_is_restored(source: Layout, backup: Path, tmp_path: Path):
    end = events_of(source)[-1].sequence
    for name, until in (("one", Until(10**9)), ("two", Until(at=Instant(2 * START)))):
        assert restored(backup, Layout(tmp_path / name), until).sequence == end + 1


def test_an_empty_backup_becomes_a_ledger_whose_first_event_says_so(folder: Folder, target: Layout, tmp_path: Path):
    folder.prepare()
    copied(folder.layout, tmp_path / "empty")
    result = restored(tmp_path / "empty", target)
    assert (result.sequence, result.ledger_id) == (1, result.timeline_id)
    assert ids_at(target, 1) == (result.ledger_id, result.timeline_id)
    assert add(started(target).start(), at=A).event.sequence == 2


def test_an_empty_backup_has_no_moment(folder: Folder, target: Layout, tmp_path: Path):
    folder.prepare()
    copied(folder.layout, tmp_path / "empty")
    with pytest.raises(BackupError, match="has no event"):
        restored(tmp_path / "empty", target, Until(1))
