"""A backup that is not what its manifest says: refused with file and loss, or restored up to the damage."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from support.backups import events_of, folded, known
from support.folder import Shim
from support.given import START

from inventory.backup.manifest import (
    BackupDamaged,
    BackupError,
    BackupLayout,
    Manifest,
    NoManifest,
    read_manifest,
)
from inventory.backup.proof import prove
from inventory.backup.restore import RestoredLedger, restore
from inventory.backup.restore_plan import RestorePlan, Until, plan_restore
from inventory.eventlog.layout import Layout
from inventory.verification.verify import verify

ALL = Until()


def plan(backup: Path, until: Until = ALL, *, up_to_damage: bool = True) -> RestorePlan:
    return plan_restore(backup, until, START, up_to_damage=up_to_damage)


def up_to_damage(backup: Path, target: Layout) -> RestoredLedger:
    return restore(plan(backup), target, START, "node-2", Shim())


def files(backup: Path) -> list[Path]:
    return [BackupLayout(backup).path(file) for file in read_manifest(backup).files]


def segment(backup: Path, number: int) -> Path:
    manifest = read_manifest(backup)
    return BackupLayout(backup).path(manifest.segments[number])


def lost(backup: Path) -> list[tuple[str, int]]:
    return [(damage.path.name, damage.lost) for damage in prove(backup, read_manifest(backup)).damage]


def assert_told(backup: Path, target: Layout, source: Layout) -> int:
    """A restore is refused, and names each damaged file; what is proven is restored as it was. Its last event."""
    damage = prove(backup, read_manifest(backup)).damage
    with pytest.raises(BackupError) as refused:
        plan(backup, up_to_damage=False)
    for one in damage:
        assert f"{one.path}: " in str(refused.value)
    manifest = read_manifest(backup)
    end = min([one.first - 1 for one in damage if one.lost > 0], default=manifest.last)
    if not end:
        with pytest.raises(BackupError, match="has no event that can be restored"):
            plan(backup)
        return 0
    assert up_to_damage(backup, target).sequence == end + 1
    assert known(folded(target)) == known(folded(source, end))
    assert verify(target).ok
    return end


@pytest.mark.slow
def test_every_truncation_of_any_file_is_told_with_its_loss(source: Layout, backup: Path, tmp_path: Path):
    random = Random(17)
    for number in range(200):
        path = random.choice(files(backup))
        content = path.read_bytes()
        path.write_bytes(content[: random.randrange(len(content))])
        damage = prove(backup, read_manifest(backup)).damage
        assert [one.path for one in damage] == [path]
        assert_told(backup, Layout(tmp_path / f"restored-{number}"), source)
        path.write_bytes(content)


def test_a_truncated_segment_loses_the_events_from_its_first_incomplete_line(
    source: Layout, backup: Path, tmp_path: Path
):
    manifest = read_manifest(backup)
    newest = manifest.segments[-1]
    path = BackupLayout(backup).path(newest)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:-1])
    assert lost(backup) == [(path.name, newest.last - newest.first - 2)]
    assert assert_told(backup, Layout(tmp_path / "restored"), source) == newest.first + 2


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["deleted", "emptied"])
def test_each_file_that_is_deleted_or_emptied_is_told_with_its_loss(
    source: Layout, backup: Path, tmp_path: Path, damage: Callable[[Path], object]
):
    manifest = read_manifest(backup)
    for number, file in enumerate(manifest.files):
        path = BackupLayout(backup).path(file)
        content = path.read_bytes()
        damage(path)
        assert lost(backup) == [(path.name, file.last - file.first + 1 if file.kind == "segment" else 0)]
        assert_told(backup, Layout(tmp_path / f"restored-{number}"), source)
        path.write_bytes(content)


def test_two_files_that_are_swapped_are_both_told(source: Layout, backup: Path, tmp_path: Path):
    for number, (one, other) in enumerate([(0, 1), (1, -1), (-2, -1)]):
        first, second = segment(backup, one), segment(backup, other)
        contents = first.read_bytes(), second.read_bytes()
        first.write_bytes(contents[1])
        second.write_bytes(contents[0])
        assert {name for name, _ in lost(backup)} == {first.name, second.name}
        assert_told(backup, Layout(tmp_path / f"restored-{number}"), source)
        first.write_bytes(contents[0])
        second.write_bytes(contents[1])


def test_a_flipped_bit_anywhere_is_told(source: Layout, backup: Path, tmp_path: Path):
    random = Random(3)
    for number, path in enumerate(files(backup)):
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        before, _ = path.read_bytes(), path.write_bytes(content)
        assert [name for name, _ in lost(backup)] == [path.name]
        assert_told(backup, Layout(tmp_path / f"restored-{number}"), source)
        path.write_bytes(before)


def test_the_loss_of_each_of_several_damaged_files_is_told(backup: Path):
    manifest = read_manifest(backup)
    for number in (1, 3):
        segment(backup, number).unlink()
    assert lost(backup) == [(f"{segment(backup, n).name}", _events(manifest, n)) for n in (1, 3)]


def _events(manifest: Manifest, number: int) -> int:
    return manifest.segments[number].last - manifest.segments[number].first + 1


def test_the_refusal_says_how_far_it_can_be_restored(backup: Path):
    second = read_manifest(backup).segments[1]
    segment(backup, 1).unlink()
    many = second.last - second.first + 1
    expected = (
        rf"{re.escape(str(segment(backup, 1)))}: is missing; {many} events are lost, {second.first} to {second.last}\n"
        r"Nothing was restored\. .* --up-to-damage restores the events up to "
        rf"{second.first - 1} of {read_manifest(backup).last}\."
    )
    with pytest.raises(BackupError, match=expected):
        plan(backup, up_to_damage=False)


def test_a_compressed_segment_that_is_damaged_behind_its_last_event_is_restored_uncompressed(
    source: Layout, backup: Path, tmp_path: Path
):
    path, target = segment(backup, 0), Layout(tmp_path / "restored")
    content = path.read_bytes()
    # Its CRC-32 (RFC 1952 section 2.3.1).
    path.write_bytes(content[:-8] + bytes([content[-8] ^ 1]) + content[-7:])
    assert lost(backup) == [(path.name, 0)]
    assert assert_told(backup, target, source) == read_manifest(backup).last
    assert target.archived_segments() == []
    assert target.segment(1).read_bytes() == gzip.decompress(content)


def test_bytes_behind_what_the_manifest_says_are_no_part_of_it(source: Layout, backup: Path, tmp_path: Path):
    path = segment(backup, -1)
    with path.open("ab") as file:
        file.write(b'{"half a line of the next pass')
    target = Layout(tmp_path / "restored")
    restore(plan(backup, up_to_damage=False), target, START, "node-2", Shim())
    assert known(folded(target)) == known(folded(source))
    assert target.segment(int(path.name[:20])).read_bytes() == source.segment(int(path.name[:20])).read_bytes()


def test_a_damaged_snapshot_loses_no_event_and_is_not_restored(source: Layout, backup: Path, tmp_path: Path):
    older, newer = source.snapshot_sequences()
    path = BackupLayout(backup).snapshots / f"central-{newer:020d}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert lost(backup) == [(path.name, 0)]
    target = Layout(tmp_path / "restored")
    assert assert_told(backup, target, source) == events_of(source)[-1].sequence
    assert target.snapshot_sequences() == [older]


def test_a_moment_before_the_damage_needs_the_same_word(source: Layout, backup: Path, tmp_path: Path):
    segment(backup, 2).unlink()
    with pytest.raises(BackupError, match="The backup is damaged"):
        plan(backup, Until(5), up_to_damage=False)
    found = plan(backup, Until(5))
    assert (found.sequence, found.left_behind) == (5, read_manifest(backup).last - 5)


def test_what_is_lost_in_the_backup_counts_among_what_is_left_behind(backup: Path):
    manifest = read_manifest(backup)
    segment(backup, 2).unlink()
    found = plan(backup)
    assert (found.sequence, found.left_behind) == (manifest.segments[1].last, manifest.last - manifest.segments[1].last)
    assert found.unreadable == found.left_behind


def test_a_copy_without_a_manifest_is_refused(backup: Path):
    BackupLayout(backup).manifest.unlink()
    with pytest.raises(NoManifest):
        plan(backup)


def test_a_damaged_manifest_is_refused_whatever_else_is_asked(backup: Path):
    path = BackupLayout(backup).manifest
    path.write_bytes(path.read_bytes().replace(b'"lastSequence"', b'"lastSequense"', 1))
    with pytest.raises(BackupDamaged):
        plan(backup)
