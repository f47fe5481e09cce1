"""Atomic batches and batches of single operations, over the same few records, from many threads and two processes."""

import random
import sys
from collections.abc import Iterator
from functools import partial

import pytest
from support.folder import Folder
from support.given import item
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.decide_batch import OperationRefused
from inventory.domain.errors import InsufficientStock
from inventory.domain.hold_commands import AtomicBatch
from inventory.service.ports.change_queue import Outcome
from inventory.service.stock import StockService

ITEMS = [item(f"sku-{number}") for number in range(8)]
STOCK, CLIENTS, EACH = 120, 16, 25


def take_five(service: StockService, seed: int) -> int:
    """Ask again and again for one unit of five items, in random order; returns how many units were taken."""
    chance, taken = random.Random(seed), 0
    for _ in range(EACH):
        wanted = [AdjustStock(at, -1) for at in chance.sample(ITEMS, 5)]
        if chance.random() < 0.5:
            try:
                taken += len(service.change(AtomicBatch(tuple(wanted))).event.lines)
            except OperationRefused:
                continue
        else:
            results = service.change_many([(one, None) for one in wanted])
            assert {type(one) for one in results} <= {Outcome, InsufficientStock}
            taken += sum(isinstance(one, Outcome) for one in results)
    return taken


@pytest.fixture
def _restless() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual: also between one lock and the next."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("_restless")
def test_deadlocks_between_orders_cannot_be_nor_can_they_oversell(folder: Folder):
    services = [StockService(folder.start()), StockService(folder.open())]
    services[0].change_many([(CountStock(at, STOCK), None) for at in ITEMS])

    taken = run_parallel([partial(take_five, services[seed % 2], seed) for seed in range(CLIENTS)], at_once=CLIENTS)

    left = [services[0].record(at).on_hand for at in ITEMS]
    # 2,000 units were asked for.
    assert (sum(taken) + sum(left), min(left) >= 0) == (STOCK * len(ITEMS), True)
    assert folder.verify().problems == []
