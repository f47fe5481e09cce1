"""A process that is frozen while it holds the append lock: others refuse changes in time, and none is lost."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from support.children import heard, on
from support.folder import ONE, SECONDS, Folder, add
from support.given import adding
from support.waiting import until

from inventory.domain.errors import Overloaded
from inventory.eventlog import recovery
from inventory.eventlog.errors import LockHeld
from inventory.eventlog.ledger import FileLedger

FREEZES = """
say(add(folder.open(freezing()), 4, key="theirs").record.on_hand)
"""
WAIT_MS = 150


@pytest.fixture
def ledger(folder: Folder) -> FileLedger:
    ledger = folder.start(commit_wait_ms=WAIT_MS)
    add(ledger, 10)
    return ledger


@pytest.fixture
def frozen(folder: Folder, ledger: FileLedger) -> Iterator[subprocess.Popen[str]]:
    with on(folder, FREEZES) as child:
        assert heard(child) == "frozen"
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        yield child


def test_changes_are_withdrawn_in_time(ledger: FileLedger, frozen: subprocess.Popen[str]):
    for _ in range(2):
        with pytest.raises(Overloaded) as refusal:
            add(ledger)
        assert refusal.value.outcome == "none"


def test_reads_go_on(folder: Folder, ledger: FileLedger, frozen: subprocess.Popen[str]):
    ticket = ledger.submit((ONE,), adding((ONE, 1)))
    assert [process.record(ONE).on_hand for process in (ledger, folder.open())] == [10, 10]
    with pytest.raises(Overloaded):
        ticket.wait()


def test_a_starting_server_says_that_a_process_keeps_the_lock(
    folder: Folder, ledger: FileLedger, frozen: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recovery, "_LOCK_SECONDS", 0.1)
    before = folder.files()
    with pytest.raises(LockHeld):
        folder.prepare()
    assert folder.files() == before


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGCONT])
def test_when_the_process_is_gone_or_goes_on_nothing_is_lost_or_doubled(
    folder: Folder, ledger: FileLedger, frozen: subprocess.Popen[str], end: signal.Signals
):
    with pytest.raises(Overloaded):
        add(ledger, 1, key="ours")
    frozen.send_signal(end)
    frozen.wait(SECONDS)
    until("ledger.queue_depth() == 0", lambda: ledger.queue_depth() == 0)
    other = folder.open()
    assert add(other, 4, key="theirs").replayed
    assert add(other, 1, key="ours").event.sequence == 3
    assert (ledger.record(ONE)[1:4], folder.verify().problems) == ((15, 0, 3), [])
