"""Changes that are submitted together: one write and one sync, whatever else waits."""

import os

import pytest
from eventlog.folder import ONE, TWO, Folder, Gate, Shim, failing
from given import adding, item

from inventory.domain.commands import CountStock
from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.ledger import FileLedger
from inventory.service.ledger import Submission
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


def test_a_group_is_not_split_though_others_are_before_and_behind_it(ledger: FileLedger, disk: Shim):
    gate = Gate()
    disk.instead[SYNC] = gate
    begun = ledger.submit((TWO,), adding((TWO, 1)))
    assert gate.reached.wait(10)
    before = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(700)]
    group = ledger.submit_all(THOUSAND)
    behind = [ledger.submit((TWO,), adding((TWO, 1))) for _ in range(5)]
    sizes: list[int] = []
    disk.instead[APPEND] = lambda descriptor, data: sizes.append(data.count(b"\n")) or os.write(descriptor, data)
    del disk.instead[SYNC]
    disk.calls.clear()
    gate.open()

    for ticket in [begun, *before, *group, *behind]:
        ticket.wait()

    # The group is in the one write with those before it; what is over the measure waits for the next.
    assert (sizes, disk.calls) == ([1700, 5], [APPEND, SYNC, APPEND, SYNC])


def test_a_group_in_the_queue_counts_as_one(folder: Folder, ledger: FileLedger, disk: Shim):
    gate = Gate()
    disk.instead[SYNC] = gate
    tickets = [ledger.submit((ONE,), adding((ONE, 1)))]
    assert gate.reached.wait(10)
    tickets += ledger.submit_all(THOUSAND)
    depth = ledger.queue_depth()
    gate.open()
    assert (depth, [ticket.wait().replayed for ticket in tickets].count(False)) == (1, 1001)


def test_a_write_that_fails_carries_out_none_of_a_group(folder: Folder, ledger: FileLedger, disk: Shim):
    disk.instead[APPEND] = failing(OSError(28, "No space left on device"), times=1)
    for ticket in ledger.submit_all(THOUSAND):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "none"
    assert (ledger.record(ONE), folder.verify().problems) == (None, [])
