"""Events that are read again by their sequence: complete, in order, durable, from the log and from the archive."""

import threading
from hashlib import blake2b
from typing import Any

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, add, failing
from support.given import adding, item
from support.logs import MANY, encoded, gaining, sequences, written
from support.waiting import until

from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Event
from inventory.eventlog import history
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.line import GENESIS, TAIL, encode


def first_format(events: list[Event]) -> list[bytes]:
    """The events' lines as the first version of the program wrote them."""
    lines, chain = [], GENESIS
    for event in events:
        line, _ = encode(event, chain)
        body = line[: -TAIL - 1].replace(b'"format":2', b'"format":1').replace(b',"previous":0', b"")
        chain = blake2b(chain + body, digest_size=16).digest()
        lines.append(body + b',"chain":"' + chain.hex().encode() + b'"}\n')
    return lines


def prepared_log(folder: Folder, events: int) -> FileLedger:
    """A log that was not written by the ledger under test."""
    folder.prepare()
    folder.layout.segment(1).write_bytes(b"".join(encoded([gaining(number) for number in range(1, events + 1)])))
    return folder.start()


def test_every_event_is_found_from_every_side_of_the_marks(folder: Folder):
    ledger = prepared_log(folder, 1100)
    for first in (1100, 1, 255, 256, 257, 258, 511, 512, 513, 769, 1025, 600):
        assert sequences(ledger, first, 300) == list(range(first, min(first + 300, 1101)))


def test_marks_are_few(folder: Folder):
    ledger = prepared_log(folder, 1100)
    sequences(ledger, 1, 1000)
    sequences(ledger, 1001, 1000)
    assert {segment: len(marks) for segment, marks in ledger.history._marks.items()} == {
        1: 1 + 1100 // history.BETWEEN_MARKS
    }


def test_an_event_is_found_from_the_mark_before_it(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    ledger = prepared_log(folder, 1100)
    sequences(ledger, 1, 1000)
    sequences(ledger, 1001, 1000)
    seen = []
    lines = ledger.history._lines

    def noted(*asked: Any) -> Any:
        for found in lines(*asked):
            seen.append(found)
            yield found

    monkeypatch.setattr(ledger.history, "_lines", noted)
    assert sequences(ledger, 1090, 1) == [1090]
    assert len(seen) <= history.BETWEEN_MARKS


def test_a_very_long_line_is_read_completely(folder: Folder):
    ledger = folder.start()
    many = [item(f"sku-{number}") for number in range(2000)]
    add(ledger)
    ledger.submit(many, adding(*((at, 1) for at in many))).wait()
    add(ledger)
    assert folder.layout.segment(1).stat().st_size > 1 << 17
    assert [len(event.lines) for event in ledger.history.events(1, 10, archived=True)] == [1, 2000, 1]
    assert sequences(ledger, 3, 1) == [3]


def test_one_page_takes_bounded_memory_and_the_next_one_goes_on(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    ledger = written(folder)
    monkeypatch.setattr(history, "AT_MOST_BYTES", 1500)
    seen: list[int] = []
    while page := sequences(ledger, len(seen) + 1, 100):
        assert len(page) < 10
        seen += page
    assert seen == list(range(1, MANY + 1))


def test_lines_of_the_first_format_do_not_say_where_the_step_before_is(folder: Folder):
    folder.prepare()
    folder.layout.segment(1).write_bytes(b"".join(first_format([gaining(number) for number in (1, 2, 3)])))
    ledger = folder.start()
    add(ledger)
    lines = [event.lines[0] for event in ledger.history.events(1, 10, archived=True)]
    assert [(line.version, line.previous) for line in lines] == [(1, 0), (2, 0), (3, 0), (4, 3)]


def test_no_reader_is_told_of_an_event_whose_flush_has_failed(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk)
    add(ledger)
    disk.instead["fdatasync"] = failing(OSError(5, "injected"))
    with pytest.raises(StorageUnavailable):
        add(ledger)
    for read in (
        lambda: ledger.history.events(1, 10, archived=False),
        lambda: ledger.history.events(2, 1, archived=True),
    ):
        with pytest.raises(StorageUnavailable):
            read()
    assert ledger.history.latest() == 1
    assert sequences(ledger, 1, 1) == [1]


def test_an_event_is_told_only_when_it_is_durable(folder: Folder):
    disk, gate = Shim(), Gate()
    ledger = folder.start(disk)
    add(ledger)
    disk.instead["fdatasync"] = gate
    writer = threading.Thread(target=add, args=(ledger,))
    writer.start()
    assert gate.reached.wait(10)
    told: list[int] = []
    follower = threading.Thread(target=lambda: told.append(ledger.history.latest()))
    follower.start()
    until("ledger.shared.published().sequence == 2", lambda: ledger.shared.published().sequence == 2)
    assert told == []
    gate.open()
    writer.join()
    follower.join()
    assert (told, ledger.shared.durable) == ([2], 2)


def test_marks_of_lines_that_a_recovery_has_cut_off_are_forgotten(folder: Folder):
    ledger = prepared_log(folder, 600)
    assert sequences(ledger, 600, 1) == [600]
    others = [gaining(number)._replace(node="the-much-longer-name-of-another-node") for number in range(1, 701)]
    folder.layout.segment(1).write_bytes(b"".join(encoded(others)))
    # A server that starts after a power cut does not trust the shared header of the last boot.
    folder.machine.reboot()
    folder.prepare()
    assert sequences(ledger, 600, 2) == [600, 601]


def test_each_step_says_where_the_one_before_it_is(folder: Folder):
    ledger = folder.start()
    for at in (ONE, TWO, TWO, ONE):
        add(ledger, 1, at)
    assert [event.lines[0].previous for event in ledger.history.events(1, 4, archived=True)] == [0, 0, 2, 1]


def test_of_a_long_past_marks_are_kept_for_some_segments_only(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history, "MARKED_SEGMENTS", 3)
    ledger = folder.start(segment_bytes=4096)
    for _ in range(100):
        add(ledger)
    assert len(folder.layout.segments()) > 6
    for _ in range(2):
        found = ledger.history.events(1, 1000, archived=True)
        assert [event.sequence for event in found] == list(range(1, 101))
    assert len(ledger.history._marks) == 3
