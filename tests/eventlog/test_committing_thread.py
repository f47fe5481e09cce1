"""The committing thread: each waiter gets its own answer, and none is left waiting when the thread ends."""

import errno
import threading

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, add, failing, wait_until
from support.given import adding, refusing

from inventory.domain.errors import InsufficientStock, Overloaded, StorageUnavailable
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


@pytest.mark.parametrize(
    "error", [InsufficientStock(ONE, 5, 1), ZeroDivisionError(), StorageUnavailable("", outcome="none")]
)
def test_what_decide_raises_reaches_its_own_waiter_and_no_other(folder: Folder, disk: Shim, error: Exception):
    ledger = folder.start(disk)
    gate = held_up(ledger, disk)
    tickets = [ledger.submit((ONE,), decide) for decide in (adding((ONE, 1)), refusing(error), adding((ONE, 1)))]
    gate.open()
    assert [tickets[index].wait().record.on_hand for index in (0, 2)] == [2, 3]
    with pytest.raises(type(error)):
        tickets[1].wait()


def test_an_event_that_cannot_be_written_down_is_its_own_waiters_trouble(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    gate = held_up(ledger, disk)
    impossible = ledger.submit((ONE,), adding((ONE, 1 << 70)))
    fine = ledger.submit((ONE,), adding((ONE, 1)))
    gate.open()
    assert fine.wait().record.on_hand == 2
    with pytest.raises(TypeError):
        impossible.wait()


@pytest.mark.parametrize("call", ["append", "fdatasync"])
def test_when_the_thread_ends_all_that_wait_are_told(folder: Folder, disk: Shim, call: str):
    deaths: list[None] = []
    ledger = folder.start(disk, on_committer_death=lambda: deaths.append(None), commit_wait_ms=60_000)
    gate = held_up(ledger, disk)
    tickets = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(3)]
    disk.instead = {call: failing(Boom())}
    gate.open()
    for ticket in tickets:
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "unknown"
    wait_until(lambda: bool(deaths))


def test_when_the_thread_ends_those_that_it_had_not_taken_up_are_told_too(folder: Folder, disk: Shim):
    ledger, gate = folder.start(disk, commit_wait_ms=60_000), Gate()

    def append(*_: object) -> None:
        gate()
        raise Boom

    disk.instead["append"] = append
    taken = ledger.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(10)
    queued = ledger.submit((TWO,), adding((TWO, 1)))
    gate.open()
    for ticket, outcome in ((taken, "unknown"), (queued, "none")):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == outcome


def dead(folder: Folder, disk: Shim):
    """A ledger whose thread has ended."""
    deaths: list[None] = []
    ledger = folder.start(disk, on_committer_death=lambda: deaths.append(None), commit_wait_ms=60_000)
    add(ledger)
    disk.instead["append"] = failing(Boom())
    with pytest.raises(StorageUnavailable):
        add(ledger)
    wait_until(lambda: bool(deaths))
    return ledger


def test_after_the_thread_has_ended_changes_are_refused_at_once(folder: Folder, disk: Shim):
    with pytest.raises(StorageUnavailable) as refusal:
        add(dead(folder, disk))
    assert refusal.value.outcome == "none"


def test_after_the_thread_has_ended_its_ledger_says_so(folder: Folder, disk: Shim):
    assert "has ended" in dead(folder, disk).status().read_only


def test_after_the_thread_has_ended_other_processes_go_on(folder: Folder, disk: Shim):
    dead(folder, disk)
    assert add(folder.open()).record.on_hand == 2


def test_a_change_that_was_given_up_never_happens(folder: Folder, disk: Shim):
    ledger = folder.start(disk, commit_wait_ms=30)
    gate = held_up(ledger, disk)
    tickets = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(5)]
    for ticket in tickets:
        with pytest.raises(Overloaded) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "none"
    del disk.instead["fdatasync"]
    gate.open()
    folder.close()
    assert folder.start().record(TWO) is None


def test_closing_commits_what_is_queued(folder: Folder, disk: Shim):
    ledger = folder.start(disk)
    gate = held_up(ledger, disk)
    tickets = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(20)]
    closing = threading.Thread(target=ledger.close)
    closing.start()
    gate.open()
    closing.join(10)
    folder._ledgers.clear()
    assert [ticket.wait().record.on_hand for ticket in tickets] == list(range(1, 21))


def test_after_closing_changes_are_refused_at_once(folder: Folder):
    ledger = folder.start()
    ledger.close()
    folder._ledgers.clear()
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger)
    assert refusal.value.outcome == "none"


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


def test_nobody_reads_the_past_while_what_is_published_is_being_folded(folder: Folder, monkeypatch: pytest.MonkeyPatch):
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
