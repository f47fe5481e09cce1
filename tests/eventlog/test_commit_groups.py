"""Changes that are submitted together, on files: one write and one flush. The rules are in tests/contract."""

import pytest
from support.folder import ONE, Folder, Shim, failing
from support.given import adding, item

from inventory.domain.commands import CountStock
from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.ledger import FileLedger
from inventory.service.ports.change_queue import Submission
from inventory.service.stock import StockService

APPEND, SYNC = "append", "fdatasync"
THOUSAND = [Submission((ONE,), adding((ONE, 1)))] * 1000


@pytest.fixture
def disk() -> Shim:
    return Shim()


@pytest.fixture
def ledger(folder: Folder, disk: Shim) -> FileLedger:
    return folder.start(disk)


def test_4000_calls_to_load_a_catalogue_are_four_writes_and_four_syncs(ledger: FileLedger, disk: Shim):
    stock = StockService(ledger)
    disk.calls.clear()
    for batch in range(4):
        outcomes = stock.change_many([(CountStock(item(f"sku-{batch}-{at}"), at), None) for at in range(1000)])
        assert [outcome.record.on_hand for outcome in outcomes] == list(range(1000))
    assert disk.calls == [APPEND, SYNC] * 4


def test_a_write_that_fails_carries_out_none_of_a_group(folder: Folder, ledger: FileLedger, disk: Shim):
    disk.instead[APPEND] = failing(OSError(28, "No space left on device"), times=1)
    for ticket in ledger.submit_all(THOUSAND):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "none"
    assert (ledger.record(ONE), folder.verify().problems) == (None, [])
