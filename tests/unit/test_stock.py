"""StockService over the ledger in memory: single changes, and many with one wait, each with its own outcome."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.failing_store import FailingStore
from support.given import Clock, item
from support.leases import HERE, World
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock, CountStock, at_version
from inventory.domain.errors import (
    InsufficientStock,
    ItemNotFound,
    LockContended,
    LockLost,
    ReadOnly,
    SkuNotFound,
    StorageUnavailable,
    StoreNotFound,
    VersionConflict,
)
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.memory.ledger import MemoryLedger
from inventory.resilience.breaker import CircuitBreaker
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.stock_reads import PageRequest
from inventory.service.stock import StockService


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(now=Clock())


@pytest.fixture
def service(ledger: MemoryLedger) -> StockService:
    return StockService(ledger)


def changing(service: StockService, command: Command) -> Callable[[], Outcome | None]:
    """A task that gives its outcome, or ``None`` where there was not enough stock."""

    def task() -> Outcome | None:
        try:
            return service.change(command)
        except InsufficientStock:
            return None

    return task


def test_the_answer_to_a_change_is_the_record_after_it(service: StockService):
    outcome = service.change(CountStock(HERE, 5))
    assert outcome.record == service.record(HERE)


def test_a_refused_change_changes_nothing(service: StockService):
    service.change(CountStock(HERE, 5))
    with pytest.raises(VersionConflict):
        service.change(AdjustStock(HERE, 1, at_version(2)))
    assert service.record(HERE).version == 1


def test_a_key_gives_the_first_answer_again(service: StockService):
    service.change(CountStock(HERE, 5))
    first, again = (service.change(AdjustStock(HERE, -1), IdempotencyKey("k", "h")) for _ in range(2))
    assert (first.record, first.replayed, again.replayed) == (again.record, False, True)


def test_a_record_that_no_event_has_named_is_not_found(service: StockService):
    with pytest.raises(ItemNotFound):
        service.record(HERE)


@pytest.mark.parametrize("view", [StockService.stock_of_sku, StockService.central_stock])
def test_a_sku_that_no_store_has_is_not_found(service: StockService, view: Callable):
    with pytest.raises(SkuNotFound):
        view(service, "none")


@pytest.mark.parametrize("view", [StockService.stock_of_sku, StockService.central_stock])
def test_a_sku_is_seen_in_every_store(service: StockService, view: Callable):
    for number in (2, 1):
        service.change(CountStock(item(store=f"store-{number}"), number))
    assert [record.on_hand for record in view(service, "sku-1").records] == [1, 2]


def test_a_store_that_no_event_has_named_is_not_found(service: StockService):
    with pytest.raises(StoreNotFound):
        service.records_of_store("none", PageRequest())


def test_100_parallel_adjusts_and_reserves_end_at_the_exact_quantity(service: StockService, ledger: MemoryLedger):
    dice = random.Random(7)
    service.change(CountStock(HERE, 60))
    commands = [
        AdjustStock(HERE, dice.choice([-3, -2, -1, 1, 2])) if number % 2 else reserve_one(HERE, 2, f"r-{number}")
        for number in range(100)
    ]
    outcomes = run_parallel([changing(service, command) for command in commands], at_once=16)
    done = [outcome for outcome in outcomes if outcome is not None]
    deltas = [line.on_hand_delta - line.reserved_delta for outcome in done for line in outcome.event.lines]
    assert service.record(HERE).qty == 60 + sum(deltas)
    assert sorted(outcome.record.version for outcome in done) == list(range(2, len(done) + 2))
    assert min(line.on_hand - line.reserved for event in ledger.events for line in event.lines) >= 0


def test_the_last_units_are_sold_once(service: StockService):
    service.change(CountStock(HERE, 10))
    tasks = [changing(service, reserve_one(HERE, 1, f"r-{number}")) for number in range(100)]
    outcomes = run_parallel(tasks, at_once=16)
    assert (sum(outcome is not None for outcome in outcomes), service.record(HERE).qty) == (10, 0)


def test_of_many_who_expect_one_version_one_gets_through(service: StockService):
    service.change(CountStock(HERE, 10))

    def task() -> bool:
        try:
            service.change(AdjustStock(HERE, -1, at_version(1)))
        except VersionConflict:
            return False
        return True

    assert sum(run_parallel([task] * 50, at_once=16)) == 1


def test_no_lock_is_left_when_all_is_done(service: StockService):
    service.change(CountStock(HERE, 10))
    run_parallel([changing(service, AdjustStock(HERE, -1))] * 30, at_once=16)
    assert len(service._locks) == 0


ITEMS = [item(f"sku-{number}") for number in range(5)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
