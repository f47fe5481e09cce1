"""The manifest of a backup: written and read again, and any damage to it."""

import dataclasses
import json
import math
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from support.given import START

from inventory.backup.manifest import (
    BackupDamaged,
    BackupError,
    BackupFile,
    BackupLayout,
    Manifest,
    NoManifest,
    decode,
    encode,
    read_manifest,
    write_manifest,
)
from inventory.eventlog.line import GENESIS
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy

MIDDLE, END = b"m" * 16, b"e" * 16
REFUSED = (ValueError, KeyError, TypeError)
FILES = (
    BackupFile("segment", 1, 40, 4096, "0" * 32, GENESIS, MIDDLE, packed=True),
    BackupFile("segment", 41, 60, 2048, "1" * 32, MIDDLE, END),
    BackupFile("snapshot", 1, 50, 512, "2" * 32, GENESIS, b"s" * 16),
)
MANIFEST = Manifest("ledger", "timeline", START, START, "0.3.0", FILES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path, MANIFEST)
    return BackupLayout(tmp_path).manifest


def write(root: Path, manifest: Manifest) -> None:
    write_manifest(root, manifest, Disk(), RetryPolicy())


def test_what_is_read_is_what_was_written(path: Path):
    assert read_manifest(path.parent) == MANIFEST


def test_it_names_its_end_by_the_newest_segment(path: Path):
    read = read_manifest(path.parent)
    assert (read.first, read.last, read.chain) == (1, 60, END)


def test_only_its_owner_can_read_it(path: Path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_events_it_ends_before_the_first_one(tmp_path: Path):
    write(tmp_path, Manifest(None, None, None, START, "0.3.0"))
    read = read_manifest(tmp_path)
    assert (read.first, read.last, read.chain) == (1, 0, GENESIS)


def test_a_folder_without_one_is_no_backup(tmp_path: Path):
    with pytest.raises(NoManifest):
        read_manifest(tmp_path)


def test_a_manifest_that_was_cut_anywhere_is_refused():
    content = encode(MANIFEST)
    for size in range(len(content)):
        with pytest.raises(REFUSED):
            decode(content[:size], Path())


def test_a_manifest_with_any_flipped_bit_is_refused():
    content = encode(MANIFEST)
    for bit in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(REFUSED):
            decode(bytes(damaged), Path())


def test_a_damaged_manifest_is_named(path: Path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupDamaged, match=r"manifest\.json: the manifest is damaged"):
        read_manifest(path.parent)


def test_a_manifest_of_a_newer_program_is_not_called_damaged(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inventory.backup.manifest.FORMAT", 2)
    path.write_bytes(encode(MANIFEST))
    monkeypatch.undo()
    with pytest.raises(BackupError, match="newer version") as refused:
        read_manifest(path.parent)
    assert not isinstance(refused.value, BackupDamaged)


def test_segments_with_a_gap_between_them_are_refused(path: Path):
    gap = dataclasses.replace(MANIFEST, files=(FILES[0], dataclasses.replace(FILES[1], first=42)))
    write(path.parent, gap)
    with pytest.raises(BackupDamaged, match="does not continue"):
        read_manifest(path.parent)


def test_a_path_that_leads_out_of_the_folder_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(BackupFile, "path", "../segments/00000000000000000001.jsonl")
    write(path.parent, MANIFEST)
    monkeypatch.undo()
    with pytest.raises(BackupDamaged, match="is not the path of a backup file"):
        read_manifest(path.parent)


def rewritten(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A manifest that was edited by hand, with the hash of what it says now."""
    fields = json.loads(content)
    del fields["hash"]
    change(fields)
    body = json.dumps(fields, separators=(",", ":")).encode()[:-1]
    return body + b',"hash":"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"}\n'


def test_a_manifest_whose_list_lacks_its_newest_segment_is_refused():
    def shorten(fields: dict[str, Any]) -> None:
        del fields["files"][1]

    with pytest.raises(ValueError, match=r"lastSequence is 60, but 40 by its files"):
        decode(rewritten(encode(MANIFEST), shorten), Path())


WRONG = (-1, 0, 3, 10**30, -(10**18), None, "x", "../../x", 1.5, [], {}, "zz", math.nan)


@pytest.mark.parametrize("member", sorted(json.loads(encode(MANIFEST)).keys() - {"files", "hash", "version"}))
def test_no_member_may_have_a_value_of_another_kind(member: str):
    for wrong in WRONG:
        may_be = {"lastAt": type(None), "ledgerId": str, "timelineId": str}.get(member)
        if may_be is None or not isinstance(wrong, may_be):
            with pytest.raises((*REFUSED, BackupError)):
                decode(rewritten(encode(MANIFEST), lambda fields, wrong=wrong: fields.update({member: wrong})), Path())


@pytest.mark.parametrize("number", range(len(FILES)))
@pytest.mark.parametrize("member", ["path", "kind", "firstSequence", "lastSequence", "bytes"])
def test_no_member_of_a_file_may_have_a_value_of_another_kind(number: int, member: str):
    for wrong in WRONG:
        if (member, wrong) == ("bytes", 3):
            continue

        def change(fields: dict[str, Any], wrong: object = wrong) -> None:
            fields["files"][number][member] = wrong

        with pytest.raises(REFUSED):
            decode(rewritten(encode(MANIFEST), change), Path())
