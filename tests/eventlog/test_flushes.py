"""No confirmation, no read and no refusal before the flush of the events that it depends on."""

import errno

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, add, failing
from support.given import adding, refusing

from inventory.domain.errors import InsufficientStock, StorageUnavailable

EIO = OSError(errno.EIO, "injected")
SYNC, APPEND = "fdatasync", "append"


@pytest.fixture
def disk() -> Shim:
    return Shim()


def test_no_change_is_confirmed_before_the_flush_has_ended(folder: Folder, disk: Shim):
    ledger, gate = folder.start(disk, commit_wait_ms=50), Gate()
    disk.instead[SYNC] = gate
    ticket = ledger.submit((ONE,), adding((ONE, 5)))
    assert gate.reached.wait(10)
    with pytest.raises(StorageUnavailable) as refusal:
        ticket.wait()
    gate.open()
    assert refusal.value.outcome == "unknown"


def test_a_yes_comes_after_an_append_and_a_sync_in_this_order(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    disk.calls.clear()
    add(ledger)
    assert disk.calls == [APPEND, SYNC]


def test_all_that_wait_share_one_append_and_one_sync(folder: Folder, disk: Shim):
    ledger, gate = folder.start(disk), Gate()
    disk.instead[SYNC] = gate
    first = ledger.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    tickets = [ledger.submit((ONE,), adding((ONE, 1))) for _ in range(100)]
    del disk.instead[SYNC]
    disk.calls.clear()
    gate.open()
    assert [ticket.wait().record.on_hand for ticket in [first, *tickets]] == list(range(1, 102))
    assert disk.calls == [APPEND, SYNC]


def test_a_read_waits_for_the_sync_of_what_it_rests_on(folder: Folder, disk: Shim):
    ledger, reader_disk = folder.start(disk), Shim()
    reader = folder.open(reader_disk)
    gate = Gate()
    disk.instead[SYNC] = gate
    ticket = ledger.submit((ONE,), adding((ONE, 5)))
    assert gate.reached.wait(10)
    reader_disk.calls.clear()
    assert reader.record(ONE).on_hand == 5
    assert reader_disk.calls == [SYNC]
    gate.open()
    ticket.wait()


def test_what_is_published_while_a_sync_runs_does_not_count_as_durable(folder: Folder, disk: Shim):
    ledger, later_disk = folder.start(disk), Shim()
    gate, later_gate = Gate(), Gate()
    disk.instead[SYNC], later_disk.instead[SYNC] = gate, later_gate
    ticket = ledger.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    later = folder.open(later_disk).submit((TWO,), adding((TWO, 1)))
    assert later_gate.reached.wait(10)
    gate.open()
    ticket.wait()
    assert (ledger.status().sequence, ledger.status().durable) == (2, 1)
    later_gate.open()
    later.wait()


def test_a_read_of_what_is_durable_needs_no_sync(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    add(ledger)
    disk.calls.clear()
    ledger.record(ONE)
    assert disk.calls == []


def test_a_refusal_that_rests_on_what_is_not_durable_is_not_told(folder: Folder, disk: Shim):
    ledger, gate = folder.start(disk), Gate()
    disk.instead[SYNC] = gate
    first = ledger.submit((TWO,), adding((TWO, 1)))
    assert gate.reached.wait(10)
    change = ledger.submit((ONE,), adding((ONE, 1)))
    refused = ledger.submit((ONE,), refusing(InsufficientStock(ONE, 5, 1)))
    disk.instead[SYNC] = failing(EIO)
    gate.open()
    first.wait()
    for ticket, outcome in ((change, "unknown"), (refused, "none")):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == outcome
