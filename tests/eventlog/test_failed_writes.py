"""Writes that fail or fall short: no change was confirmed, the log is valid, and the next write succeeds."""

import errno
import os
from collections.abc import Callable

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, add, failing
from support.given import adding

from inventory.domain.errors import StorageUnavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.service.ports.change_queue import Submission

ENOSPC, EIO = OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "Input/output error")
Append = Callable[[int, bytes], int]


def short(taken: Callable[[bytes], int]) -> Append:
    return lambda descriptor, data: os.write(descriptor, data[: taken(data)])


def partly_and_then(error: OSError, part: slice) -> Append:
    def append(descriptor: int, data: bytes) -> int:
        os.write(descriptor, data[part])
        raise error

    return append


FAULTS: dict[str, Append] = {
    "nothing taken": short(lambda data: 0),
    "one byte taken": short(lambda data: 1),
    "half taken": short(lambda data: len(data) // 2),
    "all but the line feed taken": short(lambda data: len(data) - 1),
    "no space": failing(ENOSPC),
    "an error": failing(EIO),
    "no space after half": partly_and_then(ENOSPC, slice(300)),
    "an error after everything": partly_and_then(EIO, slice(None)),
}


@pytest.fixture
def disk() -> Shim:
    return Shim()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_fails_changes_nothing(folder: Folder, disk: Shim, fault: str):
    ledger = folder.start(disk)
    add(ledger, 5)
    before = folder.files()
    disk.instead["append"] = FAULTS[fault]
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 1, key="k")
    assert (refusal.value.outcome, folder.files()) == ("none", before)
    assert (ledger.record(ONE).on_hand, folder.open().record(ONE).on_hand) == (5, 5)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_write_that_failed_the_same_request_can_be_made_again(folder: Folder, disk: Shim, fault: str):
    ledger = folder.start(disk)
    disk.instead["append"] = FAULTS[fault]
    with pytest.raises(StorageUnavailable):
        add(ledger, 5, key="k")
    disk.instead.clear()
    outcome = add(ledger, 5, key="k")
    assert (outcome.replayed, outcome.record.on_hand, outcome.event.sequence) == (False, 5, 1)
    assert folder.verify().ok


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_fails_as_one(folder: Folder, disk: Shim, fault: str):
    ledger, gate = folder.start(disk), Gate()
    disk.instead["fdatasync"] = gate
    first = ledger.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    tickets = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(5)]
    disk.instead = {"append": FAULTS[fault]}
    gate.open()
    assert first.wait().event.sequence == 1
    for ticket in tickets:
        with pytest.raises(StorageUnavailable):
            ticket.wait()
    assert (folder.log().count(b"\n"), ledger.record(TWO)) == (1, None)


@pytest.mark.parametrize("fault", ["half taken", "no space after half"])
def test_half_a_line_that_could_not_be_cut_off_is_cut_off_by_the_next_writer(folder: Folder, disk: Shim, fault: str):
    ledger = folder.start(disk)
    disk.instead = {"append": FAULTS[fault], "truncate": failing(EIO)}
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 5, key="k")
    assert (refusal.value.outcome, len(folder.log()) > 0) == ("unknown", True)
    outcome = add(folder.open(), 5, key="k")
    assert (outcome.replayed, outcome.record.on_hand) == (False, 5)
    assert folder.verify().ok


def test_a_whole_line_that_could_not_be_cut_off_has_happened(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    disk.instead = {"append": FAULTS["an error after everything"], "truncate": failing(EIO)}
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 5, key="k")
    disk.instead.clear()
    outcome = add(ledger, 5, key="k")
    assert (refusal.value.outcome, outcome.replayed, outcome.record.on_hand) == ("unknown", True, 5)
    assert folder.verify().ok


def test_while_the_disk_fails_reads_go_on(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    add(ledger, 5)
    disk.instead = {"append": failing(EIO), "truncate": failing(EIO)}
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            add(ledger)
    assert ledger.record(ONE).on_hand == 5


def test_a_tail_is_cut_only_when_its_copy_is_safe(folder: Folder, disk: Shim):
    add(folder.start())
    with folder.layout.segment(1).open("ab") as file:
        file.write(b"half a li")
    log = folder.log()
    disk.instead["write"] = failing(ENOSPC)
    with pytest.raises(OSError, match="No space"):
        folder.prepare(disk)
    assert folder.log() == log


def test_why_changes_fail_is_logged_once_for_each_cause(folder: Folder, caplog: pytest.LogCaptureFixture):
    disk = Shim()
    ledger = folder.start(disk)
    disk.instead["append"] = failing(OSError(errno.ENOSPC, "no space is left"))
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            add(ledger)
    disk.instead.clear()
    add(ledger)
    disk.instead["append"] = failing(OSError(errno.ENOSPC, "no space is left"))
    with pytest.raises(StorageUnavailable):
        add(ledger)
    assert [record.getMessage().endswith("no space is left") for record in caplog.records] == [True, True]


def test_a_replay_beside_a_change_that_cannot_be_written_gets_its_first_answer(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    first = add(ledger, 5, key="sale-1")
    disk.instead["append"] = failing(ENOSPC)
    replay, change = ledger.submit_all(
        [
            Submission((ONE,), adding((ONE, 5)), IdempotencyKey("sale-1", "hash")),
            Submission((ONE,), adding((ONE, 1)), IdempotencyKey("sale-2", "hash")),
        ]
    )
    assert replay.wait() == (first.event, True)
    with pytest.raises(StorageUnavailable) as refusal:
        change.wait()
    assert refusal.value.outcome_for(keyed=True) == "none"


def test_while_no_new_file_can_be_begun_keys_are_still_looked_up(folder: Folder, disk: Shim):
    ledger = folder.start(disk, segment_bytes=1)
    first = add(ledger, 5, key="sale-1")
    disk.instead["sync_folder"] = failing(ENOSPC)
    assert add(ledger, 5, key="sale-1") == (first.event, True)
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 1, key="sale-2")
    assert refusal.value.outcome_for(keyed=True) == "none"


def test_what_could_be_neither_written_nor_cut_back_is_unknown(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    disk.instead["append"], disk.instead["truncate"] = failing(EIO), failing(EIO)
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger, 1, key="sale-1")
    assert refusal.value.outcome_for(keyed=True) == "unknown"
