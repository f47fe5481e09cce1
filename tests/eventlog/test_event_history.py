"""Events that are read again by their sequence."""

import pytest
from eventlog.folder import Folder, Shim, add
from eventlog.letter_world import QUICK

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.archive import move_to_archive


def test_events_are_found_by_their_sequence_over_segments_and_archive(folder: Folder):
    ledger = folder.start(segment_bytes=4096)
    for _ in range(60):
        add(ledger)
    assert len(folder.layout.segments()) > 3
    move_to_archive(folder.layout, 1, Shim(), QUICK)
    assert [event.sequence for event in ledger.history.events(1, 100, archived=True)] == list(range(1, 61))
    for after in (0, 59, 30, 31, 5, 60, 99):
        assert [event.sequence for event in ledger.history.events(after + 1, 2, archived=True)] == list(range(1, 61))[
            after : after + 2
        ]


def test_events_behind_a_missing_segment_are_not_taken_for_those_that_are_missing(folder: Folder):
    ledger = folder.start(segment_bytes=4096)
    for _ in range(60):
        add(ledger)
    _, missing, *_ = folder.layout.segments()
    folder.layout.segment(missing).unlink()
    with pytest.raises(StorageUnavailable, match="not in it"):
        ledger.history.events(missing, 1, archived=True)
