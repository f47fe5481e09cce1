"""Seeding makes what is missing and leaves alone what is there."""

import pytest

from inventory.cli.seed import SeedResult, SeedRow, apply_seed
from inventory.domain.commands import AdjustStock
from inventory.domain.values import item_id
from inventory.memory.ledger import MemoryLedger
from inventory.service.stock import StockService

ROWS = [SeedRow(item_id("berlin", f"sku-{n}"), n) for n in range(600)]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def stock(ledger: MemoryLedger) -> StockService:
    return StockService(ledger)


def quiet(done: int, total: int) -> None:
    """Report to nobody."""


def test_every_row_becomes_a_record_at_version_1(stock: StockService) -> None:
    apply_seed(stock, ROWS, quiet)
    records = [stock.record(row.item) for row in ROWS]
    assert [(record.on_hand, record.version) for record in records] == [(row.on_hand, 1) for row in ROWS]


def test_it_says_how_many_were_made(stock: StockService) -> None:
    assert apply_seed(stock, ROWS, quiet) == SeedResult(created=600, kept=0)


def test_a_repeat_changes_nothing(stock: StockService, ledger: MemoryLedger) -> None:
    apply_seed(stock, ROWS, quiet)
    again = apply_seed(stock, ROWS, quiet)
    assert (again, len(ledger.events)) == (SeedResult(created=0, kept=600), 600)


def test_stock_that_was_sold_since_does_not_come_back(stock: StockService) -> None:
    apply_seed(stock, ROWS, quiet)
    stock.change(AdjustStock(ROWS[5].item, -5))
    apply_seed(stock, ROWS, quiet)
    assert stock.record(ROWS[5].item).on_hand == 0


def test_progress_is_reported_up_to_the_end(stock: StockService) -> None:
    seen: list[tuple[int, int]] = []
    apply_seed(stock, ROWS, lambda done, total: seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]
