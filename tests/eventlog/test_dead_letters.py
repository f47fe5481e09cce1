"""Dead letters of a log on files: noted and settled over processes and restarts."""

import errno
import json

import orjson
import pytest
from support.children import run_on
from support.dead_letters import QUICK, process, states
from support.folder import ONE, TWO, Folder, Shim, add, failing
from support.logs import broken_history

from inventory.domain.errors import NeedsOperator, SettlementRefused, StorageUnavailable
from inventory.eventlog.dead_letter_file import DeadLetterFile


def test_a_break_is_noted_with_its_line_as_the_log_has_it(broken: Folder):
    process(broken).letters.note_new()
    [letter] = [json.loads(line) for line in broken.layout.dead_letters.read_bytes().splitlines()]
    in_log = orjson.loads(broken_history()[1])
    assert letter["line"] == in_log["lines"][0]
    assert (letter["eventId"], letter["ts"], letter["tries"]) == (in_log["eventId"], in_log["ts"], QUICK.times)


def test_of_two_processes_one_notes_it(broken: Folder):
    first, second = process(broken), process(broken)
    assert [first.letters.note_new(), second.letters.note_new()] == [1, 0]
    assert states(broken) == ["dead"]


def test_while_another_process_has_the_process_lock_nothing_is_noted(broken: Folder):
    with DeadLetterFile(broken.layout, Shim()).lock(wait_ms=0) as ours:
        assert (ours, process(broken).letters.note_new()) == (True, 0)
    assert not broken.layout.dead_letters.exists()


def test_the_process_lock_of_a_killed_process_is_free(broken: Folder):
    program = """
    from inventory.eventlog.dead_letter_file import DeadLetterFile
    with DeadLetterFile(folder.layout, Shim()).lock(wait_ms=0) as ours:
        say(ours)
        os.kill(os.getpid(), 9)
    """
    assert run_on(broken, program) == (-9, ["True"])
    assert process(broken).letters.note_new() == 1


def test_after_a_restart_it_is_not_noted_again(broken: Folder):
    process(broken).letters.note_new()
    broken.close()
    broken.prepare()
    assert process(broken).letters.note_new() == 0


def test_on_a_full_disk_nothing_is_noted_and_changes_and_reads_go_on(broken: Folder):
    disk = Shim()
    one = process(broken, disk)
    disk.instead["fsync"] = failing(OSError(errno.ENOSPC, "injected"))
    with pytest.raises(StorageUnavailable, match="cannot write the dead letters"):
        one.letters.note_new()
    assert (broken.layout.dead_letters.read_bytes(), add(one.ledger, at=TWO).record.on_hand) == (b"", 6)
    assert process(broken).letters.note_new() == 1


def test_a_letter_that_was_deleted_by_hand_is_noted_again(broken: Folder):
    one = process(broken)
    one.letters.note_new()
    broken.layout.dead_letters.unlink()
    assert one.letters.note_new() == 1


@pytest.mark.parametrize(("action", "on_hand"), [("requeue", 3), ("discard", 1)])
def test_a_settled_record_takes_changes_in_every_process_and_after_a_restart(broken: Folder, action, on_hand: int):
    one, other = process(broken), process(broken)
    one.letters.settle(2, None, action, "anna", None)
    assert (other.ledger.record(ONE).on_hand, add(other.ledger).record.on_hand) == (on_hand, on_hand + 1)
    broken.close()
    broken.prepare()
    assert process(broken).ledger.record(ONE)[1:4] == (on_hand + 1, 0, 5)
    assert states(broken) == ["dead", f"{action}{'d' if action == 'requeue' else 'ed'}"]


def test_of_two_processes_one_settles_it(broken: Folder):
    one, other = process(broken), process(broken)
    one.letters.settle(2, None, "discard", "anna", None)
    with pytest.raises(SettlementRefused, match="already"):
        other.letters.settle(2, None, "discard", "anna", None)
    assert broken.log().count(b'"type":"record.') == 1


def test_verify_names_a_break_until_it_is_settled(broken: Folder):
    assert broken.verify().problems == [
        "sku-1 in store-1: event 2 does not continue the record's history; 'inventory dead-letters' settles it"
    ]
    process(broken).letters.settle(2, None, "discard", "anna", None)
    assert (broken.verify().problems, broken.verify().checked_sequence) == ([], 4)


def test_a_break_that_another_program_writes_is_noted_by_a_running_process(folder: Folder):
    folder.prepare()
    first, *rest = broken_history()
    folder.layout.segment(1).write_bytes(first)
    folder.prepare()
    one = process(folder)
    assert one.letters.note_new() == 0
    with folder.layout.segment(1).open("ab") as file:
        file.write(b"".join(rest))
    marks = folder.marks()
    marks.publish(marks.published()._replace(offset=len(b"".join([first, *rest])), sequence=3))
    marks.close()
    assert one.ledger.record(ONE).on_hand == 3
    assert one.letters.note_new() == 1


def test_until_it_is_settled_a_broken_record_refuses_changes_and_the_rest_goes_on(broken: Folder):
    one = process(broken)
    one.letters.note_new()
    with pytest.raises(NeedsOperator):
        add(one.ledger)
    assert (one.ledger.central_stock("sku-1").records[0].on_hand, add(one.ledger, at=TWO).record.on_hand) == (3, 6)
