"""Putting seed rows into the log, through the same write path as every other change."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from inventory.cli.seed_file import SeedRow
from inventory.domain.commands import CountStock, Note, Precondition
from inventory.domain.errors import AlreadyExists
from inventory.resilience.parallel import run_parallel
from inventory.service.stock import StockService

_AT_ONCE = 16
_BETWEEN_REPORTS = 256
_NEW = Precondition(exists=False)


class SeedResult(NamedTuple):
    """How many records were made, and how many were there before and left as they were."""

    created: int
    kept: int


def apply_seed(stock: StockService, rows: Sequence[SeedRow], report: Callable[[int, int], None]) -> SeedResult:
    """Make every record that is not there yet. What is there is never touched, so it can be run again.

    No idempotency key is needed for that, and none would do: keys end, and a record stays.

    :param report: called now and then with rows done and rows in all.
    :raises Unavailable: some rows may be in, the others are not; run it again.
    """
    created = 0
    for start in range(0, len(rows), _BETWEEN_REPORTS):
        part = rows[start : start + _BETWEEN_REPORTS]
        created += sum(run_parallel([partial(_create, stock, row) for row in part], at_once=_AT_ONCE))
        report(start + len(part), len(rows))
    return SeedResult(created, len(rows) - created)


def _create(stock: StockService, row: SeedRow) -> bool:
    try:
        stock.change(CountStock(row.item, row.on_hand, _NEW, Note(reason="seed")))
    except AlreadyExists:
        return False
    return True
