"""The file of dead letters: each entry is valid, on disk, and never rewritten."""

import errno
import json
from dataclasses import replace

import pytest
from support.folder import ONE, TWO, Folder, Shim, failing
from support.given import START

from inventory.domain.dead_letter import Figures
from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Line
from inventory.eventlog.dead_letter_file import DeadLetterFile
from inventory.service.ports.dead_letter_store import DeadLetter, Settlement

LINE = Line(ONE, 1, 0, 7, 0, 3)
DEAD = DeadLetter(2, ONE, "e2", "stock.adjusted", START, LINE, Figures(5, 0, 1), "why", 3, START)
BARE = DeadLetter(9, TWO, None, None, None, None, None, "unreadable", 3, START)
DISCARDED = replace(DEAD, state="discarded", settled=Settlement(4, "e4", "anna", START, None))


@pytest.fixture
def disk() -> Shim:
    return Shim()


@pytest.fixture
def letters(folder: Folder, disk: Shim) -> DeadLetterFile:
    folder.layout.make_folders()
    return DeadLetterFile(folder.layout, disk)


def lines(folder: Folder) -> list[dict]:
    return [json.loads(line) for line in folder.layout.dead_letters.read_bytes().splitlines()]


def test_without_a_file_there_are_no_letters(letters: DeadLetterFile):
    assert letters.all() == ()


def test_a_letter_is_one_line_that_jq_can_read(letters: DeadLetterFile, folder: Folder):
    letters.append([DEAD])
    assert lines(folder) == [
        {
            "sequence": 2,
            "eventId": "e2",
            "type": "stock.adjusted",
            "ts": "2025-06-15T15:06:40.000000Z",
            "storeId": "store-1",
            "sku": "sku-1",
            "line": {
                "storeId": "store-1",
                "sku": "sku-1",
                "onHandDelta": 1,
                "reservedDelta": 0,
                "onHand": 7,
                "reserved": 0,
                "version": 3,
                "previous": 0,
            },
            "before": {"onHand": 5, "reserved": 0, "version": 1},
            "reason": "why",
            "tries": 3,
            "notedAt": "2025-06-15T15:06:40.000000Z",
            "state": "dead",
            "settled": None,
        }
    ]


def test_what_was_noted_is_read_again(letters: DeadLetterFile, folder: Folder):
    letters.append([DEAD, BARE, DISCARDED])
    assert list(DeadLetterFile(folder.layout, Shim()).all()) == [DISCARDED, BARE]


def test_the_last_line_of_a_letter_counts_and_the_others_stay(letters: DeadLetterFile, folder: Folder):
    letters.append([DEAD])
    before = folder.layout.dead_letters.read_bytes()
    letters.append([DISCARDED])
    assert list(letters.all()) == [DISCARDED]
    assert folder.layout.dead_letters.read_bytes().startswith(before)


def test_entries_are_written_with_one_call_and_synced_with_their_name(letters: DeadLetterFile, disk: Shim):
    letters.append([DEAD, BARE])
    assert disk.calls == ["append", "fsync", "sync_folder"]


def test_a_process_sees_what_another_has_noted(letters: DeadLetterFile, folder: Folder):
    other = DeadLetterFile(folder.layout, Shim())
    assert other.all() == ()
    letters.append([DEAD])
    assert list(other.all()) == [DEAD]


@pytest.mark.parametrize("torn", [b"{", b'{"sequence":7,"eventId":"', b"\0" * 40])
def test_what_a_dead_writer_left_is_no_letter_and_is_cut_off_by_the_next(letters: DeadLetterFile, folder: Folder, torn):
    letters.append([DEAD])
    with folder.layout.dead_letters.open("ab") as file:
        file.write(torn)
    assert list(letters.all()) == [DEAD]
    letters.append([BARE])
    assert [line["sequence"] for line in lines(folder)] == [2, 9]


def test_a_line_that_is_no_letter_is_passed_over_and_reported(letters: DeadLetterFile, folder: Folder, caplog):
    letters.append([DEAD])
    with folder.layout.dead_letters.open("ab") as file:
        file.write(b'\0\0\0\n{"sequence":1}\n')
    letters.append([BARE])
    assert list(letters.all()) == [DEAD, BARE]
    assert [f"skipped line {number} of the dead letters" in caplog.text for number in (1, 2, 3)] == [False, True, True]


@pytest.mark.parametrize("call", ["append", "fsync"])
@pytest.mark.parametrize("there", [(), (BARE,)])
def test_what_could_not_be_noted_is_not_there_and_can_be_noted_again(letters, folder, disk, call, there):
    for letter in there:
        letters.append([letter])
    disk.instead[call] = failing(OSError(errno.ENOSPC, "injected"))
    with pytest.raises(StorageUnavailable, match="injected"):
        letters.append([DEAD])
    assert list(letters.all()) == list(there)
    del disk.instead[call]
    letters.append([DEAD])
    assert list(letters.all()) == [*there, DEAD]


def test_of_a_write_that_falls_short_nothing_stays(letters: DeadLetterFile, folder: Folder, disk: Shim):
    letters.append([BARE])
    whole = folder.layout.dead_letters.read_bytes()
    real = Shim().append
    disk.instead["append"] = lambda descriptor, data: real(descriptor, data[: len(data) // 2])
    with pytest.raises(StorageUnavailable, match=r"of .* bytes were written"):
        letters.append([DEAD, DISCARDED])
    assert folder.layout.dead_letters.read_bytes() == whole


def test_a_file_that_cannot_be_read_is_told_of(letters: DeadLetterFile, folder: Folder):
    folder.layout.dead_letters.mkdir()
    with pytest.raises(StorageUnavailable, match="cannot read"):
        letters.all()
