"""The shared header that all processes map: no reader sees it half-written, whichever process dies."""

import os
import struct
from pathlib import Path

import pytest
from support.children import python

from inventory.eventlog.errors import StateUnusable
from inventory.eventlog.shared_header import Position, SharedHeader

HERE = Position(1, 500, 2)
BOOT = 3 << 70 | 5
SLOTS = (16, 24)
ROUNDS = 20_000


@pytest.fixture
def marks(tmp_path: Path) -> SharedHeader:
    marks = SharedHeader(tmp_path / "state", create=True)
    marks.make(BOOT, HERE, 7)
    return marks


def test_a_shared_header_belongs_to_the_boot_it_was_made_in(marks: SharedHeader):
    marks.require(BOOT)
    assert (marks.published(), marks.durable, marks.clock_offset, marks.failed) == (HERE, 2, 7, False)


@pytest.mark.parametrize("other", [BOOT + 1, BOOT + (1 << 64), 0])
def test_a_shared_header_of_another_boot_is_unusable(marks: SharedHeader, other: int):
    with pytest.raises(StateUnusable):
        marks.require(other)


def test_a_new_file_is_not_yet_a_shared_header(tmp_path: Path):
    with pytest.raises(StateUnusable):
        SharedHeader(tmp_path / "state", create=True).require(0)


def test_the_file_is_allocated_in_full_before_anything_is_written(tmp_path: Path):
    SharedHeader(tmp_path / "state", create=True)
    status = os.stat(tmp_path / "state")
    assert status.st_size == 4096
    assert status.st_blocks * 512 >= status.st_size


def test_what_one_process_publishes_another_sees(marks: SharedHeader, tmp_path: Path):
    marks.publish(Position(1, 900, 3))
    assert SharedHeader(tmp_path / "state").published() == Position(1, 900, 3)


@pytest.mark.parametrize("items", range(5))
@pytest.mark.parametrize("published", range(2))
def test_a_writer_that_dies_half_way_leaves_the_other_slot_as_it_was(
    marks: SharedHeader, tmp_path: Path, items: int, published: int
):
    for _ in range(published):
        marks.publish(HERE)
    idle = SLOTS[(marks.generation + 1) & 1]
    with (tmp_path / "state").open("r+b") as file:
        file.seek(idle * 8)
        file.write(struct.pack("=4Q", 9, 9999, 99, 12345)[: items * 8])
    assert SharedHeader(tmp_path / "state").published() == HERE
    marks.publish(Position(1, 900, 3))
    assert SharedHeader(tmp_path / "state").published() == Position(1, 900, 3)


@pytest.mark.parametrize("item", range(4))
def test_an_unreadable_shared_header_is_reported_and_not_waited_for(marks: SharedHeader, tmp_path: Path, item: int):
    with (tmp_path / "state").open("r+b") as file:
        file.seek((SLOTS[marks.generation & 1] + item) * 8)
        file.write(struct.pack("=Q", 77))
    with pytest.raises(StateUnusable):
        marks.published()


def test_durable_only_rises(marks: SharedHeader):
    marks.raise_durable(9)
    marks.raise_durable(4)
    assert marks.durable == 9


def test_every_item_is_aligned(marks: SharedHeader):
    assert memoryview(marks._items).itemsize == 8
    assert len(marks._items) * 8 == 4096


def test_no_reader_ever_sees_a_torn_position(marks: SharedHeader, tmp_path: Path):
    writer = f"""
        from pathlib import Path
        from inventory.eventlog.shared_header import Position, SharedHeader
        marks = SharedHeader(Path({str(tmp_path / "state")!r}))
        for number in range(3, {ROUNDS}):
            marks.publish(Position(number // 100 + 1, number * 500, number))
    """
    with python(writer) as child:
        last = 2
        while last < ROUNDS - 1:
            segment, offset, sequence = marks.published()
            assert last <= sequence
            assert sequence == 2 or (segment, offset) == (sequence // 100 + 1, sequence * 500)
            last = sequence
            assert child.poll() in (None, 0)


def test_a_header_that_was_not_allocated_is_unusable_to_a_process_that_only_reads(tmp_path: Path):
    (tmp_path / "state").write_bytes(b"short")
    with pytest.raises(StateUnusable, match="too short"):
        SharedHeader(tmp_path / "state", read_only=True)
    assert (tmp_path / "state").read_bytes() == b"short"
