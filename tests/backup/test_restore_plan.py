"""What a restore tells its operator; and backups whose log no longer has its beginning."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.backups import SECOND, A, compacted, copied, copy_now, events_of, folded, known, restored, traffic
from support.folder import Folder, add
from support.given import START, WRITER, deciding, event_of
from support.holds_on_folder import do
from support.logs import encoded, log_of_which_the_last_line, newer

from inventory.backup.manifest import BackupError, BackupLayout, read_manifest, write_manifest
from inventory.backup.restore_plan import RestorePlan, Until, plan_restore
from inventory.domain.commands import CountStock
from inventory.domain.hold_commands import ReleaseHold, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import Instant, format_instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.verification.verify import verify


@pytest.fixture
def shortened(source: Layout, tmp_path: Path) -> Path:
    """A backup of a log whose beginning was deleted from the archive; ``source`` still has it."""
    rest = Layout(Path(shutil.copytree(source.root, tmp_path / "rest")))
    for first in rest.archived_segments():
        rest.archived(first).unlink()
    copy_now(rest, tmp_path / "shortened")
    manifest = read_manifest(tmp_path / "shortened")
    assert (manifest.first, manifest.segments[0].chain_before) == (rest.segments()[0], None)
    return tmp_path / "shortened"


def plan_of(folder: Folder, tmp_path: Path, until: Until, now: int) -> RestorePlan:
    folder.close()
    copied(folder.layout, tmp_path / "backup")
    return plan_restore(tmp_path / "backup", until, Instant(now))


def with_key(ledger: FileLedger, key: str) -> int:
    sell = CountStock(A, 50)
    return ledger.submit(sell.entities, deciding(sell), IdempotencyKey(key, "hash")).wait().event.sequence


def test_the_number_of_later_events_is_told(folder: Folder, tmp_path: Path):
    traffic(folder, folder.start(), 2)
    last = events_of(folder.layout)[-1].sequence
    assert plan_of(folder, tmp_path, Until(7), START).left_behind == last - 7


def test_keys_of_later_events_would_count_until_the_last_of_them_has_expired(folder: Folder, tmp_path: Path):
    ledger = folder.start()
    kept = with_key(ledger, "before")
    folder.machine.up += SECOND
    with_key(ledger, "after")
    do(ledger, CountStock(A, 9))
    plan = plan_of(folder, tmp_path, Until(kept), START)
    assert plan.keys_until == START + SECOND + WRITER.key_ttl_ms * 1000


@pytest.mark.parametrize(("late", "is_told"), [(-1, True), (0, False)])
def test_keys_that_have_expired_are_not_told(folder: Folder, tmp_path: Path, late: int, is_told: bool):
    ledger = folder.start()
    kept = do(ledger, CountStock(A, 9)).event.sequence
    with_key(ledger, "after")
    plan = plan_of(folder, tmp_path, Until(kept), START + WRITER.key_ttl_ms * 1000 + late)
    assert (plan.keys_until is not None) == is_told


def test_if_nothing_is_left_behind_no_key_would_count(folder: Folder, tmp_path: Path):
    with_key(folder.start(), "key")
    plan = plan_of(folder, tmp_path, Until(), START)
    assert (plan.left_behind, plan.keys_until) == (0, None)


def test_the_holds_that_the_first_start_ends_are_named(folder: Folder, tmp_path: Path):
    ledger = folder.start()
    do(ledger, CountStock(A, 9))
    for name, ttl_ms in (("second", 2000), ("first", 1000), ("later", 3001), ("never", None)):
        do(ledger, reserve_one(A, 1, name, ttl_ms=ttl_ms))
    kept = do(ledger, reserve_one(A, 1, "released later", ttl_ms=1000)).event.sequence
    do(ledger, ReleaseHold("released later", (A,)))
    plan = plan_of(folder, tmp_path, Until(kept), START + 3 * SECOND)
    assert [(hold.reservation_id, hold.expires_at) for hold in plan.due] == [
        ("first", START + SECOND),
        ("released later", START + SECOND),
        ("second", START + 2 * SECOND),
    ]
    restored(tmp_path / "backup", Layout(tmp_path / "new"), Until(kept), now=START + 3 * SECOND)
    again = Folder(tmp_path / "new")
    again.machine.wall_at = START + 3 * SECOND
    due = again.start().due_reservations(100)
    assert sorted(held.reservation_id for held in due) == ["first", "released later", "second"]
    again.close()


def test_a_log_without_its_beginning_is_restored_with_the_snapshot_it_begins_with(
    source: Layout, shortened: Path, tmp_path: Path
):
    target = Layout(tmp_path / "restored")
    restored(shortened, target)
    found = verify(target)
    assert (found.problems, found.drift.count) == ([], 0)
    assert target.snapshot_sequences() == source.snapshot_sequences()
    again = Folder(target.root)
    again.machine.up = 90 * SECOND
    before = folded(source)
    assert add(again.start(), at=A).event.lines[0].version == before.records[A].version + 1
    again.close()


def test_every_moment_from_that_snapshot_on_can_be_restored(source: Layout, shortened: Path, tmp_path: Path):
    base = source.snapshot_sequences()[0]
    for sequence in (base, base + 1, read_manifest(shortened).last):
        target = Layout(tmp_path / f"restored-{sequence}")
        restored(shortened, target, Until(sequence))
        again = Folder(target.root)
        state = again.prepare().folded.state
        assert known(state) == known(folded(source, sequence))


def test_before_that_snapshot_none_can_be_and_the_earliest_is_told(source: Layout, shortened: Path, tmp_path: Path):
    base = source.snapshot_sequences()[0]
    at = events_of(source)[base - 1].at
    for until in (Until(base - 1), Until(at=Instant(at - 1))):
        with pytest.raises(BackupError, match=rf"before event {base} \({format_instant(at)}\)"):
            restored(shortened, Layout(tmp_path / "restored"), until)


def test_a_snapshot_of_events_before_a_gap_is_of_no_use(source: Layout, backup: Path, tmp_path: Path):
    manifest, (older, newer) = read_manifest(backup), source.snapshot_sequences()
    files = [file for file in manifest.files if file.kind == "snapshot" or file.first > older + 1]
    write_manifest(backup, replace(manifest, files=tuple(files)), Disk(), RetryPolicy())
    with pytest.raises(BackupError, match=rf"before event {newer} \("):
        restored(backup, Layout(tmp_path / "one"), Until(newer - 1))
    restored(backup, Layout(tmp_path / "two"))
    assert Layout(tmp_path / "two").snapshot_sequences() == [newer]
    assert verify(Layout(tmp_path / "two")).ok


def test_without_a_valid_snapshot_such_a_backup_cannot_be_restored(shortened: Path, tmp_path: Path):
    for path in BackupLayout(shortened).snapshots.iterdir():
        path.write_bytes(b"")
    with pytest.raises(BackupError, match="has no valid snapshot of the events before"):
        plan_restore(shortened, Until(), START, up_to_damage=True)
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("number", [0, 1])
def test_a_snapshot_that_is_not_of_this_log_is_damage_and_not_restored(source: Layout, number: int, tmp_path: Path):
    copy = Layout(Path(shutil.copytree(source.root, tmp_path / "copy")))
    other = Folder(tmp_path / "other")
    compacted(other)
    other.close()
    path = copy.snapshot(copy.snapshot_sequences()[number])
    path.write_bytes(other.layout.snapshot(other.layout.snapshot_sequences()[number]).read_bytes())
    copied(copy, tmp_path / "backup")
    with pytest.raises(BackupError, match=f"{path.name}: was not made from the log of this backup; no event is lost"):
        restored(tmp_path / "backup", Layout(tmp_path / "restored"))
    plan = plan_restore(tmp_path / "backup", Until(), START, up_to_damage=True)
    assert plan.snapshots == [copy.snapshot_sequences()[1 - number]]


def test_no_event_after_the_moment_is_restored_where_the_clock_went_back(folder: Folder, tmp_path: Path):
    folder.prepare()
    events = [event_of(1), event_of(2, at=START + 30), event_of(3, at=START + 20)]
    folder.layout.segment(1).write_bytes(b"".join(encoded(events)))
    copied(folder.layout, tmp_path / "backup")
    plan = plan_restore(tmp_path / "backup", Until(at=Instant(START + 25)), START)
    assert (plan.sequence, plan.left_behind) == (1, 2)


def test_a_line_of_a_newer_program_is_not_restored(folder: Folder, tmp_path: Path):
    folder.prepare()
    folder.layout.segment(1).write_bytes(log_of_which_the_last_line(newer))
    copied(folder.layout, tmp_path / "backup")
    with pytest.raises(BackupError, match="was written by a newer version"):
        plan_restore(tmp_path / "backup", Until(), START)
