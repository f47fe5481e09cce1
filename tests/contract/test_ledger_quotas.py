"""The ledger port: quotas, decided inside the commit."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.failing_store import FULL, FailingStore, refusal_of
from support.given import WRITER, Clock, deciding, item

from inventory.domain.commands import CountStock, TransferStock, WantedLine
from inventory.domain.hold_commands import AtomicBatch, Command, ReleaseHold, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import StoreId
from inventory.service.ports.change_queue import Outcome, Submission
from inventory.service.ports.ledger import Ledger
from inventory.service.quotas import QuotaExceeded, Quotas, Sizes

ONE, TWO, THREE, ELSEWHERE = item("sku-1"), item("sku-2"), item("sku-3"), item("sku-1", "store-2")
KEY = IdempotencyKey("key", "hash")


def carry_out(ledger: Ledger, command: Command, key: IdempotencyKey | None = None) -> Outcome:
    return ledger.submit(command.entities, deciding(command), key).wait()


def together(ledger: Ledger, *commands: Command) -> list[bool]:
    """Carry out commands in one batch; returns of each whether it was."""
    tickets = ledger.submit_all([Submission(command.entities, deciding(command)) for command in commands])
    done = []
    for ticket in tickets:
        try:
            ticket.wait()
        except QuotaExceeded:
            done.append(False)
        else:
            done.append(True)
    return done


@pytest.fixture
def with_quotas(ledger_factory: Callable[..., Ledger], clock: Clock) -> Callable[..., Ledger]:
    return lambda **quotas: ledger_factory(clock, replace(WRITER, quotas=Quotas(**quotas)))


def hold(name: str) -> Command:
    return reserve_one(ONE, 1, name)


def test_one_record_more_than_may_be_is_refused_and_changes_nothing(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(records=2)
    for at in (ONE, TWO):
        carry_out(ledger, CountStock(at, 5))
    with pytest.raises(QuotaExceeded) as refused:
        carry_out(ledger, CountStock(THREE, 5))
    assert (refused.value.quota, refused.value.current, refused.value.limit) == ("MAX_RECORDS", 2, 2)
    assert "ask the operator to raise MAX_RECORDS" in str(refused.value)
    assert (ledger.record(THREE), ledger.status().sequence) == (None, 2)


def test_a_new_store_counts_once_however_many_records_it_gets(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(stores=1)
    assert together(ledger, CountStock(ONE, 1), CountStock(ELSEWHERE, 1), CountStock(TWO, 1)) == [True, False, True]
    with pytest.raises(QuotaExceeded, match="MAX_STORES"):
        carry_out(ledger, CountStock(ELSEWHERE, 1))


def test_what_was_made_earlier_in_the_same_batch_counts(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(records=2, open_reservations=2)
    done = together(
        ledger,
        *(CountStock(at, 5) for at in (ONE, TWO, THREE)),
        *(hold(f"r-{number}") for number in range(3)),
    )
    assert done == [True, True, False, True, True, False]


def test_a_reservation_that_ends_makes_room_in_the_same_batch(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(open_reservations=1)
    carry_out(ledger, CountStock(ONE, 5))
    carry_out(ledger, hold("r-1"))
    with pytest.raises(QuotaExceeded, match="commit or release some"):
        carry_out(ledger, hold("r-2"))
    assert together(ledger, ReleaseHold("r-1", (ONE,)), hold("r-2"), hold("r-3")) == [True, True, False]
    assert ledger.status().sizes.open_reservations == 1


def test_a_transfer_that_would_make_a_record_is_refused_entirely(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(records=1)
    carry_out(ledger, CountStock(ONE, 5))
    with pytest.raises(QuotaExceeded):
        carry_out(ledger, TransferStock((WantedLine(ONE, 1),), StoreId("store-2")))
    assert ledger.record(ONE).on_hand == 5


def test_an_atomic_batch_that_would_make_too_many_makes_none(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(records=2)
    with pytest.raises(QuotaExceeded, match="would add 3"):
        carry_out(ledger, AtomicBatch(tuple(CountStock(at, 1) for at in (ONE, TWO, THREE))))
    assert ledger.status().sizes == Sizes()


def test_a_retry_gets_its_first_answer_though_there_is_no_room_left(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(records=1)
    first = carry_out(ledger, CountStock(ONE, 5), KEY)
    assert carry_out(ledger, CountStock(ONE, 5), KEY) == (first.event, True)


def test_a_refused_one_may_be_asked_again_under_its_key(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas(open_reservations=1)
    carry_out(ledger, CountStock(ONE, 5))
    carry_out(ledger, hold("r-1"))
    with pytest.raises(QuotaExceeded):
        carry_out(ledger, hold("r-2"), KEY)
    carry_out(ledger, ReleaseHold("r-1", (ONE,)))
    assert not carry_out(ledger, hold("r-2"), KEY).replayed


def test_the_status_tells_how_much_is_kept(with_quotas: Callable[..., Ledger]):
    ledger = with_quotas()
    for at in (ONE, TWO, ELSEWHERE):
        carry_out(ledger, CountStock(at, 5), IdempotencyKey(f"{at}", "hash"))
    for name in ("r-1", "r-2", "r-3"):
        carry_out(ledger, hold(name))
    carry_out(ledger, ReleaseHold("r-1", (ONE,)))
    assert ledger.status().sizes == Sizes(records=3, stores=2, keys=3, open_reservations=2, ended_reservations=1)


@pytest.mark.parametrize("step", ["write", "ensure"])
def test_a_quota_that_only_a_lost_change_has_exhausted_refuses_no_change(with_quotas: Callable[..., Ledger], step: str):
    ledger = with_quotas(records=1)
    store = FailingStore.under(ledger.changes)
    store.fails[step] = FULL
    commands = [CountStock(at, 5) for at in (ONE, TWO)]
    _, beyond = ledger.submit_all([Submission(command.entities, deciding(command)) for command in commands])
    assert refusal_of(beyond).outcome == "none"
