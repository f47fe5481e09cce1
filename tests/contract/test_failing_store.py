"""Commit groups over a store that fails at each step of the port: what each client is told, and what happens next."""

from collections.abc import Sequence

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, KEY, ONE, STEPS, TWO, FailingStore, add, refusal_of
from support.given import adding, refusing

from inventory.domain.errors import InsufficientStock, NeedsOperator, StorageUnavailable
from inventory.service.ports.change_queue import Submission, Ticket

BEFORE_WRITE = ("exclusive", "begin", "write")


def together(ledger: LedgerUnderTest, *more: Submission) -> Sequence[Ticket]:
    """A change of ONE, a refusal that rests on the units of TWO, and more, in one commit group."""
    refused = Submission((TWO,), refusing(InsufficientStock(TWO, 6, 5)))
    return ledger.submit_all([Submission((ONE,), adding((ONE, 1))), refused, *more])


@pytest.mark.parametrize("step", BEFORE_WRITE)
def test_a_step_that_fails_before_anything_is_written_changes_nothing_and_says_so(
    stocked: LedgerUnderTest, store: FailingStore, step: str
):
    store.fails[step] = FULL
    refused = refusal_of(add(stocked))
    store.fails.clear()
    assert (type(refused), str(refused), refused.outcome) == (StorageUnavailable, "injected", "none")
    assert (stocked.record(ONE), stocked.status().sequence) == (None, 1)


def test_a_change_that_is_written_and_not_ensured_is_unknown(stocked: LedgerUnderTest, store: FailingStore):
    store.fails["ensure"] = FULL
    refused = refusal_of(add(stocked))
    store.fails.clear()
    assert (refused.outcome, stocked.record(ONE).on_hand) == ("unknown", 1)


@pytest.mark.parametrize("step", STEPS)
def test_after_a_step_that_failed_the_next_change_is_carried_out(
    stocked: LedgerUnderTest, store: FailingStore, step: str
):
    store.fails[step] = FULL
    refusal_of(add(stocked))
    store.fails.clear()
    before = 1 if step == "ensure" else 0
    assert add(stocked).wait().record.on_hand == before + 1


@pytest.mark.parametrize(
    ("step", "is_lost"), [*((step, False) for step in STEPS), *((step, True) for step in BEFORE_WRITE)]
)
def test_a_retry_under_the_same_key_changes_once_whichever_step_failed(
    stocked: LedgerUnderTest, store: FailingStore, step: str, is_lost: bool
):
    store.fails[step], store.after = StorageUnavailable("injected", outcome="unknown"), {step} if is_lost else set()
    refusal_of(add(stocked, KEY))
    store.fails.clear()
    outcome = add(stocked, KEY).wait()
    # ``exclusive`` ends after the write.
    written = step == "ensure" or (is_lost and step != "begin")
    assert (outcome.replayed, outcome.record.on_hand, stocked.record(ONE).version) == (written, 1, 1)


def test_a_write_whose_answer_is_lost_is_unknown_and_its_retry_finds_the_change(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["write"], store.after = StorageUnavailable("lost", outcome="unknown"), {"write"}
    refused = refusal_of(add(stocked, KEY))
    store.fails.clear()
    outcome = add(stocked, KEY).wait()
    assert (refused.outcome, outcome.replayed, stocked.record(ONE).version) == ("unknown", True, 1)


def test_after_a_write_whose_answer_is_lost_the_next_change_follows_on_it(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["write"], store.after = StorageUnavailable("lost", outcome="unknown"), {"write"}
    refusal_of(add(stocked))
    store.fails.clear()
    outcome = add(stocked).wait()
    assert (outcome.record.on_hand, outcome.event.sequence) == (2, 3)


def test_a_write_that_fails_leaves_refusals_that_rest_on_what_was_there_before(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["write"] = FULL
    added, refused = together(stocked)
    assert refusal_of(added).outcome == "none"
    with pytest.raises(InsufficientStock):
        refused.wait()


def test_a_refusal_that_rests_on_a_change_that_was_not_written_is_not_told(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["write"] = FULL
    *_, behind = together(stocked, Submission((ONE,), refusing(InsufficientStock(ONE, 5, 1))))
    assert refusal_of(behind).outcome == "none"


def test_what_cannot_be_ensured_leaves_refusals_that_rest_on_what_is_durable(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["ensure"] = FULL
    added, refused, behind = together(stocked, Submission((ONE,), refusing(InsufficientStock(ONE, 5, 1))))
    assert (refusal_of(added).outcome, refusal_of(behind).outcome) == ("unknown", "none")
    with pytest.raises(InsufficientStock):
        refused.wait()


def test_nothing_is_written_where_everything_is_refused(stocked: LedgerUnderTest, store: FailingStore):
    with pytest.raises(InsufficientStock):
        stocked.submit((TWO,), refusing(InsufficientStock(TWO, 6, 5))).wait()
    assert [step for step in store.calls if step != "idle"] == ["exclusive", "begin", "ensure"]


def test_a_group_takes_the_steps_of_the_port_in_their_order(stocked: LedgerUnderTest, store: FailingStore):
    for ticket in together(stocked)[:1]:
        ticket.wait()
    assert [step for step in store.calls if step != "idle"] == [*STEPS]


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_that_needs_an_operator_says_what_the_operator_has_to_do(
    stocked: LedgerUnderTest, store: FailingStore, step: str
):
    store.fails[step] = NeedsOperator("broken", "mend it")
    refused = refusal_of(add(stocked))
    assert (type(refused), refused.action) == (NeedsOperator, "mend it")


def test_an_error_behind_a_write_is_unknown(stocked: LedgerUnderTest, store: FailingStore):
    store.fails["exclusive"], store.after = FULL, {"exclusive"}
    refused = refusal_of(add(stocked))
    store.fails.clear()
    assert (refused.outcome, stocked.record(ONE).on_hand) == ("unknown", 1)


def test_an_ensure_whose_answer_is_lost_counts_where_the_store_knows_it_durable(
    stocked: LedgerUnderTest, store: FailingStore
):
    store.fails["ensure"], store.after = FULL, {"ensure"}
    assert add(stocked).wait().record.on_hand == 1


class Broken(FailingStore):
    """Does not know either what is durable."""

    @property
    def durable(self) -> int:
        raise LookupError("what is durable is unknown")


def test_a_store_that_cannot_say_what_is_durable_ends_the_process_and_resolves_every_ticket(stocked: LedgerUnderTest):
    store = Broken.under(stocked.changes)
    store.fails["ensure"] = FULL
    added, refused = together(stocked)
    assert [refusal_of(ticket).outcome for ticket in (added, refused)] == ["unknown", "unknown"]
    assert stocked.changes.close()
    assert stocked.changes.ended == "the committing thread of this process has ended"
