"""StockService.change_many: many commands, one wait, each with its own outcome or error."""

from pathlib import Path

import pytest
from support.failing_store import FailingStore
from support.given import Clock, item
from support.leases import HERE, World

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import InsufficientStock, LockContended, LockLost, ReadOnly, StorageUnavailable
from inventory.domain.idempotency import IdempotencyKey
from inventory.memory.ledger import MemoryLedger
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.stock import StockService

ITEMS = [item(f"sku-{number}") for number in range(5)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(now=Clock())


@pytest.fixture
def service(ledger: MemoryLedger) -> StockService:
    return StockService(ledger)


def counts(key: str | None = None) -> list:
    return [(CountStock(at, 10), key and IdempotencyKey(f"{key}/{at.sku}", "h")) for at in ITEMS]


def test_outcomes_stand_in_the_order_of_the_commands(service: StockService):
    outcomes = service.change_many(counts())
    assert [outcome.record.item for outcome in outcomes] == ITEMS


def test_a_refusal_stands_in_its_place_and_the_others_are_carried_out(service: StockService):
    service.change_many(counts())
    results = service.change_many([(AdjustStock(at, -11 if at == ITEMS[2] else -1), None) for at in ITEMS])
    assert isinstance(results[2], InsufficientStock)
    assert [service.record(at).on_hand for at in ITEMS] == [9, 9, 10, 9, 9]


def test_commands_on_one_record_see_those_before_them(service: StockService):
    service.change_many([(CountStock(HERE, 3), None), *[(AdjustStock(HERE, -1), None)] * 3])
    assert (service.record(HERE).on_hand, service.record(HERE).version) == (0, 4)


def test_each_has_its_own_key(service: StockService):
    first, again = service.change_many(counts("k")), service.change_many(counts("k"))
    assert [(one.record, True) for one in first] == [(one.record, one.replayed) for one in again]


def test_nothing_asked_is_nothing_done(service: StockService, ledger: MemoryLedger):
    assert (service.change_many([]), ledger.events) == ([], [])


def test_no_lock_is_left(service: StockService):
    service.change_many(counts())
    assert len(service._locks) == 0


def test_what_cannot_be_submitted_has_its_error_in_its_place(ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch):
    def submit(*_: object) -> None:
        raise ReadOnly("the breaker is open")

    monkeypatch.setattr(ledger, "submit_all", submit)
    assert [str(error) for error in StockService(ledger).change_many(counts()[:2])] == ["the breaker is open"] * 2


FULL = StorageUnavailable("the disk is full", outcome="none")


def test_many_that_storage_fails_count_once_and_open_a_breaker_with_the_next(ledger: MemoryLedger, clock: Clock):
    FailingStore.under(ledger.changes).fails["write"] = FULL
    breaker = CircuitBreaker("ledger", threshold=2, cooldown_ms=1000, now=clock)
    ledger.guard(breaker)
    service = StockService(ledger)
    states = []
    for _ in range(2):
        service.change_many(counts())
        states.append(breaker.state)
    assert states == ["closed", "open"]
    assert {type(error) for error in service.change_many(counts())} == {ReadOnly}


def test_many_that_are_carried_out_as_a_probe_close_the_breaker(ledger: MemoryLedger, clock: Clock):
    store = FailingStore.under(ledger.changes)
    store.fails["write"] = FULL
    breaker = CircuitBreaker("ledger", threshold=1, cooldown_ms=1000, now=clock)
    ledger.guard(breaker)
    service = StockService(ledger)
    service.change_many(counts())
    clock.advance(ms=1000)
    store.fails.clear()
    assert [outcome.record.on_hand for outcome in service.change_many(counts())] == [10] * 5
    assert breaker.state == "closed"


def test_a_sku_that_is_leased_by_another_is_refused_and_the_others_are_carried_out(tmp_path: Path):
    world = World(tmp_path)
    other = item("sku-2")
    with world.theirs.holding(["sku-1"]):
        results = world.service.change_many([(AdjustStock(HERE, -1), None), (CountStock(other, 4), None)])
    assert isinstance(results[0], LockContended)
    assert (world.service.record(HERE).on_hand, world.service.record(other).on_hand) == (10, 4)


def test_commands_on_one_sku_share_its_lease_and_give_it_back(tmp_path: Path):
    world = World(tmp_path)
    world.service.change_many([(AdjustStock(HERE, -1), None), (AdjustStock(HERE, -1), None)])
    assert (world.service.record(HERE).on_hand, world.files(), world.counts["acquired"]) == (8, [], 1)


def test_past_the_end_of_their_leases_nothing_is_changed(tmp_path: Path):
    world = World(tmp_path)
    world.ledger.before = lambda: world.clock.advance(ms=2001)
    (result,) = world.service.change_many([(AdjustStock(HERE, -1), None)])
    assert (type(result), world.service.record(HERE).on_hand, world.counts["lost"]) == (LockLost, 10, 1)
