"""The preloaded state: workers read on from the state that the start has folded, or fold the log again."""

import shutil

import pytest
from support.folder import ONE, TWO, Folder, add
from support.given import all_stock
from support.logs import history, log_of_which_the_last_line, newer, of_another_shape, out_of_turn, rewritten

from inventory.domain.errors import NeedsOperator, StorageUnavailable
from inventory.eventlog.recovery import Recovery


def prepared(folder: Folder, changes: int = 5) -> Recovery:
    """A folder with so many changes of two items, and what a start on it finds."""
    ledger = folder.start()
    for number in range(changes):
        add(ledger, 1, (ONE, TWO)[number % 2], key=f"key-{number}")
    folder.close()
    return folder.prepare()


def test_nothing_is_read_again_that_the_start_has_read(folder: Folder):
    recovery = prepared(folder)
    path = folder.layout.segment(1)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    ledger = folder.open(folded=recovery.folded)
    assert (ledger.record(ONE).on_hand, ledger.record(TWO).on_hand) == (3, 2)
    assert add(ledger, 1, TWO).event.sequence == 6


def test_it_is_what_the_log_gives(folder: Folder):
    recovery = prepared(folder)
    shutil.rmtree(folder.layout.snapshots)
    handed, anew = folder.open(folded=recovery.folded), folder.open()
    assert all_stock(handed) == all_stock(anew)
    again = add(handed, 1, ONE, key="key-0")
    assert (again.replayed, again.event.sequence) == (True, 1)


def test_what_others_have_written_since_is_read(folder: Folder):
    recovery = prepared(folder)
    add(folder.open(), 7, ONE)
    assert folder.open(folded=recovery.folded).record(ONE).on_hand == 10


def test_it_begins_at_the_snapshot(folder: Folder):
    ledger = folder.start()
    add(ledger, 4, ONE)
    ledger.log_maintenance.take_snapshot()
    add(ledger, 1, ONE)
    folder.close()
    path = folder.layout.segment(1)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    assert folder.open(folded=folder.prepare().folded).record(ONE).on_hand == 5


@pytest.mark.parametrize("left", [3, 0], ids=["shorter", "empty"])
def test_a_log_that_was_cut_in_the_meantime_is_read_again(folder: Folder, left: int):
    recovery = prepared(folder)
    path = folder.layout.segment(1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    marks = folder.marks()
    marks.make(folder.machine.boot, marks.published()._replace(offset=path.stat().st_size, sequence=left), 0)
    marks.close()
    ledger = folder.open(folded=recovery.folded)
    assert all_stock(ledger).as_of_sequence == left
    assert sum(record.on_hand for record in all_stock(ledger).records.values()) == left


def test_without_its_log_nothing_is_answered(folder: Folder):
    recovery = prepared(folder)
    folder.layout.segment(1).unlink()
    ledger = folder.open(folded=recovery.folded)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            ledger.record(ONE)
    assert ledger.status().read_only is not None


def test_lines_that_are_no_longer_published_are_not_taken_over(folder: Folder):
    recovery = prepared(folder)
    size = sum(len(line) for line in folder.log().splitlines(keepends=True)[:3])
    marks = folder.marks()
    marks.make(folder.machine.boot, marks.published()._replace(offset=size, sequence=3), 0)
    marks.close()
    assert all_stock(folder.open(folded=recovery.folded)).as_of_sequence == 3


def test_another_log_of_the_same_length_is_read_again(folder: Folder):
    recovery = prepared(folder)
    other = b"".join(history(5))
    folder.layout.segment(1).write_bytes(other)
    marks = folder.marks()
    marks.make(folder.machine.boot, marks.published()._replace(offset=len(other), sequence=5), 0)
    marks.close()
    handed, anew = folder.open(folded=recovery.folded), folder.open()
    assert all_stock(handed) == all_stock(anew) != recovery.folded


def test_a_line_of_a_newer_program_is_known_as_such(folder: Folder):
    folder.prepare()
    folder.layout.segment(1).write_bytes(log_of_which_the_last_line(newer))
    ledger = folder.open(folded=folder.prepare().folded)
    with pytest.raises(NeedsOperator, match="event 4 was written by a newer version"):
        add(ledger)


@pytest.mark.parametrize("change", [of_another_shape, out_of_turn])
def test_a_line_that_this_program_cannot_read_ends_it_and_is_reported_by_the_process_that_reads_it(
    folder: Folder, change
):
    folder.prepare()
    one, two, three, four = history(4)
    third = rewritten(three, two, change)
    log = b"".join([one, two, third, rewritten(four, third, lambda fields: None)])
    folder.layout.segment(1).write_bytes(log)
    recovery = folder.prepare()
    assert (recovery.end.sequence, recovery.folded.cursor.position.sequence) == (4, 2)
    ledger = folder.open(folded=recovery.folded)
    with pytest.raises(StorageUnavailable, match="line 3"):
        ledger.record(ONE)
    with pytest.raises(StorageUnavailable, match="line 3"):
        add(ledger)
    assert folder.log() == log
