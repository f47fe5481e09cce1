"""The committing thread: what ends it, and what waits meanwhile. By the rules, not by the engine."""

import threading

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, ONE, STEPS, FailingStore, add, refusal_of

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
    assert (ended, late.outcome) == ("the committing thread of this process has ended", "none")


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


def test_nobody_is_told_before_everything_is_ensured(threaded: LedgerUnderTest, store: FailingStore):
    reached, go_on, told = threading.Event(), threading.Event(), threading.Event()

    def held_up() -> None:
        reached.set()
        assert go_on.wait(30)

    store.before["ensure"] = held_up
    ticket = add(threaded)
    ticket.on_settled(told.set)
    assert reached.wait(30)
    was_told = told.is_set()
    go_on.set()
    assert (ticket.wait().record.on_hand, was_told, told.wait(30)) == (1, False, True)


@pytest.mark.parametrize("step", ["exclusive", "ensure"])
def test_a_change_that_has_waited_for_too_long_is_withdrawn_until_it_is_decided_and_unknown_from_then_on(
    threaded: LedgerUnderTest, store: FailingStore, step: str
):
    reached, go_on = threading.Event(), threading.Event()

    def held_up() -> None:
        reached.set()
        assert go_on.wait(30)

    store.before[step] = held_up
    ticket = add(threaded)
    assert reached.wait(30)
    ticket._until = 0.0  # Its time is over.
    refused = refusal_of(ticket)
    store.before.clear()
    go_on.set()
    add(threaded).wait()
    assert refused.outcome == ("unknown" if step == "ensure" else "none")
    assert threaded.record(ONE).on_hand == (2 if step == "ensure" else 1)
