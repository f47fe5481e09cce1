"""A change can be withdrawn until the moment it is decided; a withdrawn or late change is not carried out."""

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, ONE, TWO, FailingStore, add
from support.folder import Gate
from support.given import adding

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.service.change_overlay import CommitGroup
from inventory.service.pending_change import PendingChange
from inventory.service.ports.change_queue import Submission

pytestmark = pytest.mark.usefixtures("threaded")


class Boom(BaseException):
    """Nothing that anybody expects."""


@pytest.fixture
def gate(ledger: LedgerUnderTest, store: FailingStore) -> Gate:
    """The committing thread waits before it ensures until it is let go; one change is written by then."""
    gate = store.hold_at("ensure")
    add(ledger)
    assert gate.reached.wait(30)
    return gate


def end_the_time_of(*tickets: PendingChange) -> None:
    for ticket in tickets:
        ticket._until = 0.0


def assert_is_withdrawn(ticket: PendingChange) -> None:
    with pytest.raises(Overloaded) as refusal:
        ticket.wait()
    assert refusal.value.outcome == "none"


def test_a_change_whose_time_is_over_is_not_decided_though_no_caller_has_asked_yet(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    late, other = ledger.submit((TWO,), adding((TWO, 1))), ledger.submit((ONE,), adding((ONE, 1)))
    end_the_time_of(late)
    store.let_go(gate)
    assert other.wait().record.on_hand == 2
    assert_is_withdrawn(late)
    assert (ledger.record(TWO), ledger.status().sequence) == (None, 2)


def test_a_change_can_be_withdrawn_while_another_of_its_commit_group_is_decided(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    behind: list[PendingChange] = []

    def meanwhile(state, now):
        end_the_time_of(*behind)
        assert_is_withdrawn(behind[0])
        return adding((ONE, 1))(state, now)

    before = ledger.submit((ONE,), meanwhile)
    behind.append(ledger.submit((TWO,), adding((TWO, 1))))
    store.let_go(gate)
    assert before.wait().record.on_hand == 2
    assert (ledger.record(TWO), ledger.status().sequence) == (None, 2)


def test_operations_of_a_batch_are_withdrawn_from_the_moment_on_at_which_its_time_is_over(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    tickets: list[PendingChange] = []

    def third(state, now):
        end_the_time_of(*tickets[3:])
        return adding((ONE, 1))(state, now)

    decisions = [adding((ONE, 1)), adding((ONE, 1)), third, adding((ONE, 1)), adding((ONE, 1))]
    tickets += ledger.submit_all([Submission((ONE,), decide) for decide in decisions])
    store.let_go(gate)
    assert [ticket.wait().record.on_hand for ticket in tickets[:3]] == [2, 3, 4]
    for ticket in tickets[3:]:
        assert_is_withdrawn(ticket)
    assert ledger.record(ONE).on_hand == 4


def test_the_keys_of_a_batch_that_is_withdrawn_are_not_looked_up(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    looked_up: list[object] = []
    monkeypatch.setattr(CommitGroup, "require_unused", lambda _, keys: looked_up.extend(keys))
    key = IdempotencyKey("key", "hash")
    batches = [ledger.submit_all([Submission((ONE,), adding((ONE, 1)))] * 2, key) for _ in range(2)]
    end_the_time_of(*batches[0])
    store.let_go(gate)
    batches[1][0].wait()
    assert looked_up == [key, None, None]


def test_a_caller_that_has_withdrawn_a_change_and_asks_again_is_told_the_same(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    ticket = ledger.submit((TWO,), adding((TWO, 1)))
    end_the_time_of(ticket)
    for _ in range(2):
        assert_is_withdrawn(ticket)
    store.let_go(gate)


def test_a_write_that_fails_leaves_what_was_withdrawn_before_it_withdrawn(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    withdrawn, begun = ledger.submit((TWO,), adding((TWO, 1))), ledger.submit((ONE,), adding((ONE, 1)))
    end_the_time_of(withdrawn)
    assert_is_withdrawn(withdrawn)
    store.fails["write"] = FULL
    store.let_go(gate)
    with pytest.raises(StorageUnavailable):
        begun.wait()
    assert_is_withdrawn(withdrawn)


def test_when_the_thread_ends_what_it_had_not_decided_has_not_happened(
    ledger: LedgerUnderTest, store: FailingStore, gate: Gate
):
    def fatal(state, now):
        raise Boom

    decided, deciding = ledger.submit((ONE,), adding((ONE, 1))), ledger.submit((ONE,), fatal)
    behind = ledger.submit((TWO,), adding((TWO, 1)))
    left_over = [ledger.submit((TWO,), adding((TWO, 1)), None, 1000) for _ in range(2)]
    store.let_go(gate)
    found = []
    for ticket in (decided, deciding, behind, *left_over):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        found.append(refusal.value.outcome)
    assert found == ["unknown", "unknown", "none", "none", "none"]
