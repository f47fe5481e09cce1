"""A shared header that is behind the log or a snapshot: an older copy, or a file that some processes never opened."""

import pytest
from support.folder import Folder, add

from inventory.eventlog.data_folder import StartRefused
from inventory.eventlog.errors import EventsMissing
from inventory.wiring import prepare

PER_SEGMENT = 2
EVENTS = 9


@pytest.fixture
def ahead(folder: Folder) -> Folder:
    """A log of several segments, compacted behind two snapshots, and the shared header of its first event."""
    ledger = folder.start(segment_bytes=500)
    add(ledger)
    marks = folder.layout.shared_header.read_bytes()
    for number in range(2, EVENTS + 1):
        add(ledger)
        if number in (EVENTS - 3, EVENTS):
            ledger.log_maintenance.take_snapshot()
    folder.machine.up += 120_000_000
    ledger.log_maintenance.compact()
    folder.close()
    assert not folder.layout.segment(1).exists()
    folder.layout.shared_header.write_bytes(marks)
    return folder


def test_a_start_takes_every_event_that_is_there(ahead: Folder):
    assert ahead.prepare().end.sequence == EVENTS
    marks = ahead.marks()
    assert (marks.published().sequence, marks.durable) == (EVENTS, EVENTS)
    marks.close()
    assert add(ahead.open()).event.sequence == EVENTS + 1


def test_verify_finds_nothing_wrong(ahead: Folder):
    found = ahead.verify()
    assert (found.problems, found.checked_sequence) == ([], EVENTS)


@pytest.mark.parametrize("marks", ["behind", "none"])
def test_a_file_that_is_really_missing_is_told_with_its_events(ahead: Folder, marks: str):
    if marks == "none":
        ahead.layout.shared_header.unlink()
    newest = ahead.layout.segments()[-1]
    ahead.layout.segment(newest).unlink()
    with pytest.raises(EventsMissing) as refusal:
        ahead.prepare()
    assert (refusal.value.first, refusal.value.last) == (newest, EVENTS)


def test_a_start_that_misses_events_says_how_many_and_which(folder: Folder):
    prepare(folder.settings)
    ledger = folder.start(segment_bytes=500)
    for _ in range(EVENTS):
        add(ledger)
    folder.close()
    missing = folder.layout.segments()[1]
    following = folder.layout.segments()[2]
    folder.layout.segment(missing).rename(folder.layout.root / "aside")
    with pytest.raises(StartRefused) as refusal:
        prepare(folder.settings)
    many = following - missing
    which = f"event {missing}" if many == 1 else f"{many} events, {missing} to {following - 1}"
    assert f"Missing: {which}" in str(refusal.value)
    assert "is incomplete" in str(refusal.value)


def test_a_start_that_misses_nothing_advises_no_backup(folder: Folder):
    ledger = folder.start()
    add(ledger)
    add(ledger)
    folder.close()
    path = folder.layout.segment(1)
    path.write_bytes(path.read_bytes().replace(b'"onHand":1', b'"onHand":7', 1))
    with pytest.raises(StartRefused, match="is damaged") as refusal:
        prepare(folder.settings)
    assert "backup" not in str(refusal.value)


def test_verify_reads_the_entire_log_if_the_shared_header_is_behind_a_snapshot(folder: Folder):
    ledger = folder.start()
    add(ledger)
    marks = folder.layout.shared_header.read_bytes()
    add(ledger)
    ledger.log_maintenance.take_snapshot()
    folder.close()
    folder.layout.shared_header.write_bytes(marks)
    found = folder.verify()
    assert (found.problems, found.checked_sequence) == ([], 2)
