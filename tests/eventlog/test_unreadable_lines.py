"""Lines that are complete and in order, but that this program cannot decode."""

import pytest
from support.folder import ONE, TWO, Folder, add
from support.logs import broken_history, history, log_of_which_the_last_line, newer, of_another_shape, out_of_turn

from inventory.domain.dead_letter import Break, Figures
from inventory.domain.errors import NeedsOperator, StorageUnavailable
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.ledger import FileLedger


def running_on(folder: Folder, log: bytes) -> FileLedger:
    """A ledger on a folder onto which another program has written this log in the meantime."""
    folder.prepare()
    folder.layout.segment(1).write_bytes(log)
    marks = folder.marks()
    marks.make(folder.machine.boot, marks.published()._replace(offset=len(log), sequence=4), 0)
    marks.close()
    return folder.open()


def test_a_line_of_a_newer_program_makes_the_process_read_only(folder: Folder):
    ledger = running_on(folder, log_of_which_the_last_line(newer))
    with pytest.raises(NeedsOperator, match="event 4 was written by a newer version"):
        add(ledger)
    assert "newer version" in ledger.status().read_only


@pytest.mark.parametrize(("key", "outcome"), [(None, "none"), ("key", "unknown")])
def test_a_key_is_not_called_unused_where_a_newer_program_may_have_used_it(
    folder: Folder, key: str | None, outcome: str
):
    ledger = running_on(folder, log_of_which_the_last_line(newer))
    with pytest.raises(NeedsOperator) as refused:
        add(ledger, key=key)
    assert refused.value.outcome_for(keyed=key is not None) == outcome


def test_a_line_of_a_newer_program_is_folded(folder: Folder):
    assert running_on(folder, log_of_which_the_last_line(newer)).record(ONE).on_hand == 4


def test_a_server_starts_on_a_log_that_ends_in_a_line_of_a_newer_program(folder: Folder):
    folder.prepare()
    folder.layout.segment(1).write_bytes(log_of_which_the_last_line(newer))
    assert folder.prepare().end.sequence == 4


@pytest.mark.parametrize("change", [of_another_shape, out_of_turn])
def test_nothing_is_read_or_written_past_a_line_that_says_nothing_to_this_program(folder: Folder, change):
    log = log_of_which_the_last_line(change)
    ledger = running_on(folder, log)
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="line 4"):
            ledger.record(ONE)
        with pytest.raises(StorageUnavailable, match="line 4") as refusal:
            add(ledger)
        assert (refusal.value.outcome, folder.log()) == ("none", log)
        assert "line 4" in ledger.status().read_only


@pytest.mark.parametrize("change", [of_another_shape, out_of_turn])
def test_verify_names_the_line_that_cannot_be_read(folder: Folder, change):
    running_on(folder, log_of_which_the_last_line(change))
    verification = folder.verify()
    assert verification.checked_sequence == 3
    assert "line 4" in verification.problems[0]


def test_a_start_on_a_log_whose_last_line_cannot_be_read_is_refused_before_anything_is_cut(folder: Folder):
    folder.prepare()
    folder.layout.segment(1).write_bytes(log_of_which_the_last_line(of_another_shape) + b"a torn tail")
    before = folder.files()
    with pytest.raises(LogDamaged, match="line 4"):
        folder.prepare()
    assert folder.files() == before


def test_nothing_is_written_behind_a_newer_programs_line_that_no_process_was_told_of(folder: Folder):
    folder.prepare()
    lines = history(4)
    folder.layout.segment(1).write_bytes(b"".join(lines[:3]))
    ledger = folder.start()
    folder.layout.segment(1).write_bytes(log_of_which_the_last_line(newer))
    with pytest.raises(NeedsOperator, match="event 4 was written by a newer version"):
        add(ledger)


def with_a_broken_history(folder: Folder) -> FileLedger:
    """A ledger on a log in which an item's third event follows on its first."""
    folder.prepare()
    folder.layout.segment(1).write_bytes(b"".join(broken_history()))
    return folder.start()


def test_a_record_whose_history_does_not_add_up_refuses_changes(folder: Folder):
    with pytest.raises(NeedsOperator, match="sku-1 in store-1 is broken at event 2"):
        add(with_a_broken_history(folder), at=ONE)


def test_other_records_go_on_beside_one_whose_history_does_not_add_up(folder: Folder):
    assert add(with_a_broken_history(folder), at=TWO).record.on_hand == 6


def test_a_record_whose_history_does_not_add_up_can_be_read_and_is_reported(folder: Folder):
    ledger = with_a_broken_history(folder)
    assert (ledger.record(ONE).on_hand, ledger.broken(9)) == (3, [(ONE, Break(2, Figures(1, 0, 1)))])
    assert "event 2" in folder.verify().problems[0]
