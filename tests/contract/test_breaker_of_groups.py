"""The breaker is asked when a change is submitted, and told the result of the store once for each commit group."""

import threading

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, KEY, ONE, STEPS, FailingStore, add, refusal_of
from support.folder import Gate
from support.given import Clock, adding

from inventory.domain.errors import NeedsOperator, StorageTimeout, StorageUnavailable, Unavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.ports.change_queue import Submission


@pytest.fixture
def breaker(stocked: LedgerUnderTest, clock: Clock) -> CircuitBreaker:
    """One that opens with the second failure."""
    breaker = CircuitBreaker("ledger", threshold=2, cooldown_ms=1000, now=clock)
    stocked.guard(breaker)
    return breaker


@pytest.mark.parametrize("step", STEPS)
def test_each_group_that_storage_fails_counts_once_however_many_are_in_it(
    stocked: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker, step: str
):
    store.fails[step] = FULL
    states = []
    for _ in range(2):
        for ticket in stocked.submit_all([Submission((ONE,), adding((ONE, 1)))] * 20):
            refusal_of(ticket)
        # Told before the clients are.
        states.append(breaker.state)
    assert states == ["closed", "open"]


@pytest.mark.parametrize("error", [NeedsOperator("broken", "mend it"), StorageTimeout("slow", outcome="none")])
@pytest.mark.parametrize("step", STEPS)
def test_what_is_slow_or_refused_by_the_store_itself_opens_no_breaker(
    stocked: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker, step: str, error: StorageUnavailable
):
    store.fails[step] = error
    for _ in range(5):
        refusal_of(add(stocked))
    assert breaker.state == "closed"


def test_while_the_breaker_is_open_a_key_is_looked_up_and_nothing_else_reaches_the_store(
    stocked: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker
):
    first = add(stocked, KEY).wait()
    store.fails["write"] = FULL
    for _ in range(2):
        refusal_of(add(stocked))
    store.calls.clear()
    with pytest.raises(Unavailable, match="failed repeatedly"):
        add(stocked)
    again, other = add(stocked, KEY).wait(), refusal_of(add(stocked, IdempotencyKey("other", "hash")))
    assert (again, other.outcome_for(keyed=True), "write" in store.calls) == ((first.event, True), "none", False)


def test_a_probe_that_is_committed_closes_the_breaker_though_its_client_has_given_up(
    threaded: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker, clock: Clock
):
    store.fails["write"] = FULL
    for _ in range(2):
        refusal_of(add(threaded))
    store.fails.clear()
    clock.advance(ms=1000)
    told = threading.Event()
    ticket = add(threaded)
    ticket.on_resolved(told.set)
    assert told.wait(30)
    assert breaker.state == "closed"


@pytest.mark.parametrize("step", STEPS)
def test_clients_are_told_though_what_is_told_of_an_opening_fails(
    stocked: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker, step: str
):
    def fail() -> None:
        raise LookupError("the metrics have a fault")

    breaker.on_change(fail)
    store.fails[step] = FULL
    found = [refusal_of(add(stocked)) for _ in range(2)]
    # At once: no client has waited for COMMIT_WAIT_MS.
    assert [str(error) for error in found] == ["injected"] * 2
    assert stocked.changes.close()
    assert stocked.changes.ended == "the committing thread of this process has ended"


def test_a_group_counts_as_the_latest_of_its_calls_which_began_after_the_failure_before_it(
    threaded: LedgerUnderTest, store: FailingStore, breaker: CircuitBreaker
):
    ensures, exclusive = store.hold_at("ensure"), Gate()
    store.fails["ensure"] = FULL
    tickets = [add(threaded)]
    assert ensures.reached.wait(30)
    # Let through before the first failure was known, and taken together with one that was let through after it.
    tickets.append(add(threaded))
    store.before["exclusive"] = exclusive
    ensures.open()
    assert exclusive.reached.wait(30)
    tickets.append(add(threaded))
    store.let_go(exclusive)
    for ticket in tickets:
        refusal_of(ticket)
    assert breaker.state == "open"
