"""The proof of a backup: of an undamaged one, of one that another process extends, and of segments of other ledgers."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from support.backups import compacted, copied
from support.folder import Folder

from inventory.backup.manifest import BackupLayout, read_manifest, write_manifest
from inventory.backup.proof import prove
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy


def first_segment(backup: Path) -> Path:
    return BackupLayout(backup).path(read_manifest(backup).segments[0])


def lost(backup: Path) -> list[tuple[str, int]]:
    return [(damage.path.name, damage.lost) for damage in prove(backup, read_manifest(backup)).damage]


def test_an_undamaged_backup_is_proven_to_its_end(backup: Path):
    manifest = read_manifest(backup)
    proof = prove(backup, manifest)
    assert (proof.damage, proof.last, proof.chain) == ([], manifest.last, manifest.chain)
    assert proof.snapshots == [file.last for file in manifest.snapshots]


@pytest.mark.parametrize("is_damaged", [False, True])
def test_of_a_backup_that_is_extended_meanwhile_only_real_damage_is_told(backup: Path, is_damaged: bool):
    before = read_manifest(backup)
    if is_damaged:
        first_segment(backup).unlink()

    def extended(_done: int, _all: int) -> None:
        write_manifest(backup, replace(before, files=before.files[:-1]), Disk(), RetryPolicy())
        BackupLayout(backup).path(before.files[-1]).unlink(missing_ok=True)

    proof = prove(backup, before, extended)
    assert [damage.path for damage in proof.damage] == [first_segment(backup)] * is_damaged
    assert proof.snapshots == [file.last for file in before.snapshots[:-1]]


def test_a_valid_segment_of_another_ledger_is_damage(source: Layout, backup: Path, tmp_path: Path):
    other = Folder(tmp_path / "other")
    compacted(other)
    other.close()
    copied(other.layout, tmp_path / "second")
    path = first_segment(backup)
    path.write_bytes((tmp_path / "second" / "segments" / path.name).read_bytes())
    assert lost(backup) == [(path.name, read_manifest(backup).segments[0].last)]


def test_a_part_of_a_segment_of_another_ledger_proves_nothing(backup: Path, tmp_path: Path):
    other = Folder(tmp_path / "other")
    compacted(other)
    other.close()
    copied(other.layout, tmp_path / "second")
    path = first_segment(backup)
    lines = gzip.decompress((tmp_path / "second" / "segments" / path.name).read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:1])))
    assert lost(backup) == [(path.name, read_manifest(backup).segments[0].last)]


def test_a_segment_that_ends_before_the_event_that_the_manifest_names_is_damage(backup: Path):
    before = read_manifest(backup)
    *others, newest = before.segments
    files = (*others, replace(newest, last=newest.last + 3), *before.snapshots)
    write_manifest(backup, replace(before, files=files), Disk(), RetryPolicy())
    (damage,) = prove(backup, read_manifest(backup)).damage
    assert (damage.path.name, damage.first, damage.lost) == (Path(newest.path).name, newest.last + 1, 3)
