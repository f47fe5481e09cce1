"""The committing thread: what ends it, and what waits meanwhile, on every engine."""

import threading

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, ONE, STEPS, FailingStore, add, refusal_of
from support.given import refusing

from inventory.domain.errors import InsufficientStock, StorageUnavailable
from inventory.service.committing_thread import CommitQueue
from inventory.service.pending_change import PendingGroup
from inventory.service.ports.group_store import StoreLost


def when_it_has_ended(ledger: LedgerUnderTest) -> str | None:
    assert ledger.changes.close()
    return ledger.changes.ended


@pytest.mark.parametrize("error", [RuntimeError("a fault"), StoreLost("replaced")], ids=["fault", "lost"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_ends_the_thread_tells_those_that_wait_and_those_that_come(
    stocked: LedgerUnderTest, store: FailingStore, step: str, error: Exception
):
    store.fails[step] = error
    refused = refusal_of(add(stocked))
    ended, late = when_it_has_ended(stocked), refusal_of(add(stocked))
    begun_and_unknown = {"write": isinstance(error, RuntimeError), "ensure": True}
    assert refused.outcome == ("unknown" if begun_and_unknown.get(step) else "none")
    # At once: who waits for COMMIT_WAIT_MS is told something else.
    assert (ended, str(late), late.outcome) == ("the committing thread of this process has ended", ended, "none")


def test_a_store_that_fails_while_nothing_happens_is_asked_again_and_takes_changes(
    threaded: LedgerUnderTest, store: FailingStore
):
    asked, counted = threading.Event(), []

    def count() -> None:
        counted.append(None)
        if len(counted) > 1:
            asked.set()

    store.before["idle"], store.fails["idle"] = count, FULL
    assert asked.wait(30)
    assert add(threaded).wait().record.on_hand == 1


@pytest.mark.parametrize("error", [RuntimeError("a fault"), StoreLost("replaced")], ids=["fault", "lost"])
def test_a_store_that_is_lost_while_nothing_happens_ends_the_thread(
    threaded: LedgerUnderTest, store: FailingStore, error: Exception
):
    reached = threading.Event()
    store.before["idle"], store.fails["idle"] = reached.set, error
    assert reached.wait(30)
    assert when_it_has_ended(threaded) == "the committing thread of this process has ended"
    assert refusal_of(add(threaded)).outcome == "none"


def test_no_change_is_confirmed_before_everything_is_ensured(threaded: LedgerUnderTest, store: FailingStore):
    gate, told = store.hold_at("ensure"), threading.Event()
    ticket = add(threaded)
    ticket.on_resolved(told.set)
    assert gate.reached.wait(30)
    was_told = told.is_set()
    store.let_go(gate)
    assert (ticket.wait().record.on_hand, was_told, told.wait(30)) == (1, False, True)


@pytest.mark.parametrize("step", ["exclusive", "ensure"])
def test_a_change_that_has_waited_for_too_long_is_withdrawn_until_it_is_decided_and_unknown_from_then_on(
    threaded: LedgerUnderTest, store: FailingStore, step: str
):
    gate = store.hold_at(step)
    ticket = add(threaded)
    assert gate.reached.wait(30)
    ticket._until = 0.0  # Its time is over.
    refused = refusal_of(ticket)
    store.let_go(gate)
    add(threaded).wait()
    assert refused.outcome == ("unknown" if step == "ensure" else "none")
    assert threaded.record(ONE).on_hand == (2 if step == "ensure" else 1)


def test_what_the_thread_had_not_taken_up_when_it_ends_has_not_happened(threaded: LedgerUnderTest, store: FailingStore):
    gate, store.fails["write"] = store.hold_at("write"), RuntimeError("a fault")
    taken = add(threaded)
    assert gate.reached.wait(30)
    queued = add(threaded)
    store.let_go(gate)
    assert [refusal_of(ticket).outcome for ticket in (taken, queued)] == ["unknown", "none"]


def test_what_is_queued_is_told_though_the_end_of_the_process_cannot_be_begun(
    threaded: LedgerUnderTest, store: FailingStore, monkeypatch: pytest.MonkeyPatch
):
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda hooked: failed.append(hooked.exc_value))
    error = OSError("no signal can be sent")

    def fail() -> None:
        raise error

    threaded.changes._on_death = fail
    gate, store.fails["write"] = store.hold_at("write"), RuntimeError("a fault")
    add(threaded)
    assert gate.reached.wait(30)
    queued = add(threaded)
    store.let_go(gate)
    assert (str(refusal_of(queued)), when_it_has_ended(threaded)) == (threaded.changes.ended,) * 2
    assert failed == [error]


def test_what_decide_raises_reaches_its_own_client_and_no_other(threaded: LedgerUnderTest, store: FailingStore):
    gate = store.hold_at("ensure")
    add(threaded)
    assert gate.reached.wait(30)
    errors = (InsufficientStock(ONE, 5, 1), ZeroDivisionError(), StorageUnavailable("", outcome="none"))
    tickets = [add(threaded), *(threaded.submit((ONE,), refusing(error)) for error in errors), add(threaded)]
    store.let_go(gate)
    assert [tickets[place].wait().record.on_hand for place in (0, -1)] == [2, 3]
    for ticket, error in zip(tickets[1:-1], errors, strict=True):
        with pytest.raises(type(error)):
            ticket.wait()


def test_closing_commits_what_is_queued(threaded: LedgerUnderTest, store: FailingStore):
    gate = store.hold_at("ensure")
    add(threaded)
    assert gate.reached.wait(30)
    tickets = [add(threaded) for _ in range(20)]
    closing = threading.Thread(target=threaded.changes.close)
    closing.start()
    store.let_go(gate)
    closing.join(30)
    assert [ticket.wait().record.on_hand for ticket in tickets] == list(range(2, 22))


def test_after_closing_changes_are_refused_at_once(stocked: LedgerUnderTest):
    assert stocked.changes.close()
    refused = refusal_of(add(stocked))
    assert (str(refused), refused.outcome) == ("this process is shutting down", "none")


class LateQueue:
    """A queue into which a change comes just after the thread has looked into it for the last time."""

    def __init__(self, changes: CommitQueue) -> None:
        self._changes, self._queue = changes, changes._queue
        self.get, self.get_nowait, self.qsize = self._queue.get, self._queue.get_nowait, self._queue.qsize

    def put(self, group: PendingGroup) -> None:
        assert self._changes.close()
        self._queue.put(group)


def test_a_change_that_is_queued_just_after_the_end_is_refused_at_once(threaded: LedgerUnderTest):
    threaded.changes._queue = LateQueue(threaded.changes)
    refused = refusal_of(add(threaded))
    assert (str(refused), refused.outcome) == ("this process is shutting down", "none")
