"""A key that could not be looked up is never called unused, whatever else fails in its commit group."""

import pytest
from support.engines import LedgerUnderTest
from support.failing_store import FULL, KEY, ONE, FailingStore, add
from support.given import adding

from inventory.domain.errors import StorageUnavailable, Unavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.service.ports.change_queue import Submission
from inventory.service.ports.event_history import HistoryGone

PART = IdempotencyKey("key/0", "hash", "key")
ANOTHER_CHANGE = Submission((ONE,), adding((ONE, 1)))


@pytest.fixture(
    params=[StorageUnavailable("unreadable", outcome="none"), HistoryGone("deleted"), ZeroDivisionError()],
    ids=["unreadable", "deleted", "fault"],
)
def unreadable(request: pytest.FixtureRequest, stocked: LedgerUnderTest, store: FailingStore) -> Exception:
    """KEY was used, and its event cannot be read."""
    add(stocked, KEY).wait()
    store.look_up_fails = request.param
    return request.param


def told(ticket) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - compared below
        ticket.wait()
    return raised.value


@pytest.mark.parametrize("step", ["write", "ensure"])
def test_what_the_look_up_of_a_key_raises_reaches_its_client_though_another_step_fails(
    stocked: LedgerUnderTest, store: FailingStore, unreadable: Exception, step: str
):
    store.fails[step] = FULL
    _, again = stocked.submit_all([ANOTHER_CHANGE, Submission((ONE,), adding((ONE, 1)), KEY)])
    error = told(again)
    assert error is unreadable
    assert not isinstance(error, Unavailable) or error.outcome_for(keyed=True) == "unknown"


@pytest.mark.parametrize("step", ["write", "ensure"])
def test_the_same_holds_of_the_key_of_a_batch(
    threaded: LedgerUnderTest, stocked: LedgerUnderTest, store: FailingStore, unreadable: Exception, step: str
):
    gate = store.hold_at("exclusive")
    threaded.submit(*ANOTHER_CHANGE)
    assert gate.reached.wait(30)
    (part,) = threaded.submit_all([Submission((ONE,), adding((ONE, 1)), PART)], KEY)
    store.fails[step] = FULL
    store.let_go(gate)
    assert told(part) is unreadable


@pytest.mark.parametrize("step", ["write", "ensure"])
def test_a_key_that_was_looked_up_is_called_unused_where_its_change_was_refused_and_a_step_failed(
    stocked: LedgerUnderTest, store: FailingStore, step: str
):
    store.fails[step] = FULL

    def refused(state, now):
        raise StorageUnavailable("something that it needs", outcome="none")

    _, keyed = stocked.submit_all([ANOTHER_CHANGE, Submission((ONE,), refused, KEY)])
    error = told(keyed)
    assert isinstance(error, Unavailable)
    assert error.outcome_for(keyed=True) == "none"
