"""FolderSize: the sum of a folder's files, whichever files are added, grow or are deleted between two measurements."""

from pathlib import Path

from support.steps import steps

from inventory.eventlog.maintenance import FolderSize


def test_the_sum_follows_files_that_come_and_go(tmp_path: Path):
    size = FolderSize(tmp_path)
    assert size.bytes() == 0
    (tmp_path / "1").write_bytes(b"x" * 10)
    (tmp_path / "2").write_bytes(b"x" * 5)
    assert size.bytes() == 15
    (tmp_path / "1").unlink()
    assert size.bytes() == 5


def test_the_last_file_may_grow_also_just_before_the_next_one_is_begun(tmp_path: Path):
    size = FolderSize(tmp_path)
    (tmp_path / "1").write_bytes(b"x" * 10)
    assert size.bytes() == 10
    (tmp_path / "1").write_bytes(b"x" * 30)
    assert size.bytes() == 30
    (tmp_path / "1").write_bytes(b"x" * 40)
    (tmp_path / "2").write_bytes(b"x")
    assert size.bytes() == 41


def test_a_look_costs_the_same_however_many_files_there_are(tmp_path: Path):
    few, many = FolderSize(tmp_path), FolderSize(tmp_path)
    (tmp_path / "0").write_bytes(b"x")
    few.bytes()
    usual = steps(few.bytes)
    for number in range(500):
        (tmp_path / f"{number:03d}").write_bytes(b"x")
    many.bytes()
    assert steps(many.bytes) == usual
