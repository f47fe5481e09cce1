"""Events by their sequence while segments move to the archive, are deleted from it, or are begun."""

import os
import threading
from typing import Any

import pytest
from support.folder import Folder, Gate, add
from support.logs import MANY, SMALL, archive, sequences, written

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog import archive as archive_files
from inventory.eventlog.layout import Layout
from inventory.service.ports.event_history import EventsGone


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_events_are_found_by_their_sequence_over_segments_and_archive(folder: Folder):
    ledger = written(folder)
    archive(folder)
    assert sequences(ledger, 1, 100) == list(range(1, MANY + 1))
    for after in (0, 59, 30, 31, 5, 60, 99):
        assert sequences(ledger, after + 1, 2) == list(range(1, MANY + 1))[after : after + 2]


def test_events_behind_a_missing_segment_are_not_taken_for_those_that_are_missing(folder: Folder):
    ledger = written(folder)
    _, missing, *_ = folder.layout.segments()
    folder.layout.segment(missing).unlink()
    with pytest.raises(StorageUnavailable, match="does not contain event 11"):
        ledger.history.events(missing, 1, archived=True)


def test_without_the_archive_the_earliest_event_is_the_first_of_the_log(folder: Folder):
    ledger = written(folder)
    left = archive(folder, 2)
    assert (ledger.history.earliest(archived=False), ledger.history.earliest(archived=True)) == (left[0], 1)
    with pytest.raises(EventsGone) as gone:
        ledger.history.events(left[0] - 1, 1, archived=False)
    assert gone.value.earliest == left[0]
    assert sequences(ledger, left[0], 1, archived=False) == [left[0]]


def test_where_the_oldest_part_of_the_archive_was_deleted_the_earliest_event_is_told(folder: Folder):
    ledger = written(folder)
    archive(folder, 3)
    assert sequences(ledger, 1, MANY)[0] == 1
    oldest, second, _ = folder.layout.archived_segments()
    folder.layout.archived(oldest).unlink()
    with pytest.raises(EventsGone) as gone:
        ledger.history.events(1, 1, archived=True)
    assert gone.value.earliest == second
    assert ledger.history.earliest(archived=True) == second
    assert sequences(ledger, second, 100) == list(range(second, MANY + 1))


def test_a_log_without_any_segment_is_an_error_and_stays_one(folder: Folder):
    ledger = written(folder)
    for segment in folder.layout.segments():
        folder.layout.segment(segment).unlink()
    for _ in range(2):
        with pytest.raises(EventsGone):
            ledger.history.events(1, 1, archived=True)


def test_a_segment_that_moves_to_the_archive_while_it_is_read_is_read_to_its_end(folder: Folder):
    ledger = written(folder)
    second = folder.layout.segments()[1]
    reading = ledger.history._descriptor(1)
    with reading as descriptor:
        archive(folder)
        assert b'"sequence":1,' in os.pread(descriptor, 100, 0)
    assert sequences(ledger, 1, second) == list(range(1, second + 1))


def test_a_segment_that_moves_between_the_two_looks_is_found(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    ledger = written(folder)
    waiting = [lambda: archive(folder)]

    def look(name: str) -> None:
        seen = getattr(Layout, name)

        def looked(layout: Layout) -> list[int]:
            found: list[int] = seen(layout)
            if waiting:
                waiting.pop()()
            return found

        monkeypatch.setattr(Layout, name, looked)

    look("segments")
    look("archived_segments")
    assert sequences(ledger, 1, 3) == [1, 2, 3]
    assert waiting == []


def test_a_reader_beside_a_compaction_sees_every_event_once(folder: Folder):
    ledger = written(folder)
    wrong: list[object] = []
    rounds = iter(range(10**9))
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set() or next(rounds) < 3:
                if sequences(ledger, 1, 100) != list(range(1, MANY + 1)):
                    wrong.append("a gap")
        except Exception as error:  # noqa: BLE001 - shown by the test
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    while len(folder.layout.segments()) > 1:
        archive(folder)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_a_reader_beside_a_writer_that_rotates_sees_no_gap(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    reader = folder.open()
    seen: list[int] = []
    add(ledger)
    while len(seen) < 120:
        for _ in range(7):
            add(ledger)
        seen += sequences(reader, len(seen) + 1, 5, archived=False)
        seen += sequences(reader, len(seen) + 1, 5, archived=False)
    assert seen == list(range(1, len(seen) + 1))
    assert len(folder.layout.segments()) > 3


def test_reading_keeps_at_most_one_unpacked_segment_open(folder: Folder):
    ledger = written(folder)
    archive(folder, 3)
    sequences(ledger, 1, 100)
    before = descriptors()
    for first in range(1, MANY + 1):
        sequences(ledger, first, 1)
    with pytest.raises(EventsGone):
        ledger.history.events(1, 1, archived=False)
    assert descriptors() == before


def test_an_error_while_reading_leaves_no_descriptor_open(folder: Folder):
    ledger = written(folder)
    first, *_ = archive(folder)
    folder.layout.archived(1).write_bytes(b"not gzip")
    folder.layout.segment(first).write_bytes(b"no line feed")
    with pytest.raises(StorageUnavailable):
        sequences(ledger, 1, 1)
    before = descriptors()
    for _ in range(5):
        for place in (1, first):
            with pytest.raises(StorageUnavailable):
                sequences(ledger, place, 1)
    assert descriptors() == before


def test_a_segment_is_unpacked_once_for_all_who_ask_at_once(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    ledger = written(folder)
    archive(folder)
    gate, unpacked = Gate(), []
    unpack = archive_files.open_segment

    def slow(layout: Any, segment: int) -> int:
        unpacked.append(segment)
        gate()
        return unpack(layout, segment)

    monkeypatch.setattr(archive_files, "open_segment", slow)
    found: list[list[int]] = []
    readers = [threading.Thread(target=lambda: found.append(sequences(ledger, 1, 1))) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert gate.reached.wait(10)
    gate.open()
    for reader in readers:
        reader.join()
    assert (unpacked, found) == ([1], [[1]] * 4)
