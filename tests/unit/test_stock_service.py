"""StockService over the ledger in memory."""

import random
from collections.abc import Callable

import pytest
from support.given import Clock, item

from inventory.domain.commands import AdjustStock, CountStock, at_version
from inventory.domain.errors import InsufficientStock, ItemNotFound, SkuNotFound, StoreNotFound, VersionConflict
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.idempotency import IdempotencyKey
from inventory.memory.ledger import MemoryLedger
from inventory.resilience.parallel import run_parallel
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.stock_reads import PageRequest
from inventory.service.stock import StockService

HERE = item()


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
