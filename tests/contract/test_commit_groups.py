"""What goes into one commit group: all queued changes, up to a limit; changes that belong together are never split."""

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, ONE, TWO, FailingStore
from support.folder import Gate
from support.given import adding

from inventory.domain.errors import StorageUnavailable
from inventory.service.ports.change_queue import Submission

THOUSAND = [Submission((ONE,), adding((ONE, 1)))] * 1000


@pytest.fixture
def gate(threaded: LedgerUnderTest, store: FailingStore) -> Gate:
    """The committing thread waits before it ensures until it is let go; one change is written by then."""
    gate = store.hold_at("ensure")
    threaded.submit((TWO,), adding((TWO, 1)))
    assert gate.reached.wait(30)
    store.writes.clear()
    return gate


def test_all_that_wait_share_one_write_and_one_ensure(threaded: LedgerUnderTest, store: FailingStore, gate: Gate):
    tickets = [threaded.submit((ONE,), adding((ONE, 1))) for _ in range(100)]
    store.calls.clear()
    store.let_go(gate)
    assert [ticket.wait().record.on_hand for ticket in tickets] == list(range(1, 101))
    assert (store.writes, store.calls.count("ensure")) == ([100], 1)


def test_what_is_submitted_together_is_not_split_though_others_are_before_and_behind_it(
    threaded: LedgerUnderTest, store: FailingStore, gate: Gate
):
    before = [threaded.submit((TWO,), adding((TWO, 1))) for _ in range(700)]
    group = threaded.submit_all(THOUSAND)
    behind = [threaded.submit((TWO,), adding((TWO, 1))) for _ in range(5)]
    store.let_go(gate)
    for ticket in [*before, *group, *behind]:
        ticket.wait()
    # A write has at most 1,000 operations, in the order in which they came.
    assert store.writes == [700, 1000, 5]


@pytest.mark.parametrize(
    ("weights", "writes"),
    [
        pytest.param([1, 1, 5000, 1, 1], [2, 1, 2], id="more than a write may have goes alone"),
        pytest.param([500, 500, 1], [2, 1], id="up to the measure"),
        pytest.param([500, 501, 499, 500], [1, 2, 1], id="never over the measure"),
        pytest.param([1000, 1000, 1000], [1, 1, 1], id="each alone"),
    ],
)
def test_a_write_has_as_many_changes_as_weigh_1000_operations(
    threaded: LedgerUnderTest, store: FailingStore, gate: Gate, weights: list[int], writes: list[int]
):
    tickets = [threaded.submit((ONE,), adding((ONE, 1)), None, weight) for weight in weights]
    store.let_go(gate)
    found = [ticket.wait().event.sequence for ticket in tickets]
    assert (store.writes, found) == (writes, sorted(found))


def test_what_is_queued_counts_once_for_each_begun_100_operations(
    threaded: LedgerUnderTest, store: FailingStore, gate: Gate
):
    tickets, depths = [], []
    for weight in (1, 100, 101, 1000, 500, 1000):
        tickets.append(threaded.submit((ONE,), adding((ONE, 1)), None, weight))
        depths.append(threaded.queue_depth())
    tickets += threaded.submit_all(THOUSAND)
    depths.append(threaded.queue_depth())
    store.let_go(gate)
    for ticket in tickets:
        ticket.wait()
    assert (depths, threaded.queue_depth()) == ([1, 2, 4, 14, 19, 29, 39], 0)


def test_a_write_that_fails_carries_out_none_of_what_was_submitted_together(
    ledger: LedgerUnderTest, store: FailingStore
):
    store.fails["write"] = FULL
    for ticket in ledger.submit_all(THOUSAND):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "none"
    assert ledger.record(ONE) is None
