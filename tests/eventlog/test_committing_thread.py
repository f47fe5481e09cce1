"""The committing thread on files: failures that only files can cause. The rules are in tests/contract."""

import errno
import threading

import pytest
from support.folder import ONE, Folder, Gate, Shim, add, failing
from support.given import adding
from support.waiting import until

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog import replica
from inventory.eventlog.replica import fold


class Boom(BaseException):
    """Nothing that anybody expects."""


@pytest.fixture
def disk() -> Shim:
    return Shim()


def held_up(ledger, disk: Shim) -> Gate:
    """Have the thread wait in a sync until the gate is opened."""
    gate = Gate()
    disk.instead["fdatasync"] = gate
    ledger.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    return gate


def test_an_event_that_cannot_be_written_down_is_its_own_waiters_trouble(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    gate = held_up(ledger, disk)
    impossible = ledger.submit((ONE,), adding((ONE, 1 << 70)))
    fine = ledger.submit((ONE,), adding((ONE, 1)))
    gate.open()
    assert fine.wait().record.on_hand == 2
    with pytest.raises(TypeError):
        impossible.wait()


def dead(folder: Folder, disk: Shim):
    """A ledger whose thread has ended."""
    deaths: list[None] = []
    ledger = folder.start(disk, on_committer_death=lambda: deaths.append(None), commit_wait_ms=60_000)
    add(ledger)
    disk.instead["append"] = failing(Boom())
    with pytest.raises(StorageUnavailable):
        add(ledger)
    until("deaths", lambda: bool(deaths))
    return ledger


def test_after_the_thread_has_ended_its_ledger_says_so(folder: Folder, disk: Shim):
    assert "has ended" in dead(folder, disk).status().read_only


def test_after_the_thread_has_ended_other_processes_go_on(folder: Folder, disk: Shim):
    dead(folder, disk)
    assert add(folder.open()).record.on_hand == 2


def test_a_lock_file_that_was_replaced_stops_all_writing(folder: Folder):
    ledger = folder.start()
    folder.layout.append_lock.unlink()
    folder.open()
    with pytest.raises(StorageUnavailable, match="was replaced") as refusal:
        add(ledger)
    assert refusal.value.outcome == "none"


def test_a_file_that_cannot_be_opened_refuses_changes_and_passes(
    folder: Folder, disk: Shim, monkeypatch: pytest.MonkeyPatch
):
    ledger = folder.start(disk)
    disk.instead["append"] = failing(OSError(errno.EMFILE, "Too many open files"), times=1)
    with pytest.raises(StorageUnavailable):
        add(ledger)
    del disk.instead["append"]
    assert add(ledger).record.on_hand == 1


def test_no_read_is_out_of_date_while_committed_events_are_being_folded(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    writer, other = folder.start(), folder.open()
    add(writer)
    gate, thread = Gate(), writer.changes._thread

    def slow_fold(*arguments: object) -> None:
        if threading.current_thread() is thread:
            gate()
        fold(*arguments)

    monkeypatch.setattr(replica, "fold", slow_fold)
    ticket = writer.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    assert other.record(ONE).on_hand == 2
    seen: list[int] = []
    reading = threading.Thread(target=lambda: seen.append(writer.record(ONE).on_hand))
    reading.start()
    reading.join(0.1)
    gate.open()
    reading.join(10)
    assert (seen, ticket.wait().record.on_hand) == ([2], 2)
