"""Storage that is only slow: clients are told so, and the breaker, which is for a failing disk, stays closed."""

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, failing
from support.given import Clock, adding

from inventory.domain.errors import StorageTimeout, StorageUnavailable
from inventory.eventlog.ledger import FileLedger
from inventory.resilience.breaker import CircuitBreaker

THRESHOLD = 2


@pytest.fixture
def disk() -> Shim:
    return Shim()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("ledger", THRESHOLD, 5000, clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(folder: Folder, disk: Shim) -> FileLedger:
    return folder.start(disk, commit_wait_ms=60_000)


def refused(ledger: FileLedger) -> StorageUnavailable:
    with pytest.raises(StorageUnavailable) as refusal:
        ledger.submit((ONE,), adding((ONE, 1))).wait()
    return refusal.value


def test_changes_that_a_slow_disk_does_not_finish_in_time_do_not_open_the_breaker(
    ledger: FileLedger, disk: Shim, breaker: CircuitBreaker
):
    ledger.guard(breaker)
    found = []
    for _ in range(THRESHOLD + 1):
        gate = disk.instead["fdatasync"] = Gate()
        ticket = ledger.submit((ONE,), adding((ONE, 1)))
        assert gate.reached.wait(10)
        ticket._until = 0.0  # Its time is over.
        with pytest.raises(StorageTimeout) as refusal:
            ticket.wait()
        found.append(refusal.value.outcome)
        gate.open()
    assert (found, breaker.state) == (["unknown"] * 3, "closed")


def test_appends_that_fail_open_the_breaker(ledger: FileLedger, disk: Shim, breaker: CircuitBreaker):
    disk.instead["append"] = failing(OSError(28, "No space left on device"))
    ledger.guard(breaker)
    assert [refused(ledger).outcome for _ in range(THRESHOLD)] == ["none"] * 2
    assert breaker.state == "open"


def test_a_change_that_waits_in_vain_for_the_sync_of_another_thread_is_told_of_a_timeout(
    folder: Folder, disk: Shim, ledger: FileLedger
):
    other = folder.open(disk)
    ledger._durability._wait = 0.01
    ledger._durability._turn.acquire()  # As a reader does that syncs for itself.
    pending = ledger.submit((TWO,), adding((TWO, 1)))
    with pytest.raises(StorageTimeout) as refusal:
        pending.wait()
    ledger._durability._turn.release()
    assert (refusal.value.outcome, other.record(TWO).on_hand) == ("unknown", 1)
