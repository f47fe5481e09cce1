"""Changes that are submitted together: one write and one sync, whatever else waits."""

import os

import pytest
from support.folder import ONE, TWO, Folder, Gate, Shim, failing
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

    # A write has at most 1,000 operations, in the order in which they came.
    assert (sizes, disk.calls) == ([700, 1000, 5], [APPEND, SYNC] * 3)


@pytest.mark.parametrize(
    ("weights", "writes"),
    [
        pytest.param([1, 1, 5000, 1, 1], [2, 1, 2], id="more than a write may have goes alone"),
        pytest.param([500, 500, 1], [2, 1], id="up to the measure"),
        pytest.param([500, 501, 499, 500], [1, 2, 1], id="never over the measure"),
        pytest.param([1000, 1000, 1000], [1, 1, 1], id="each alone"),
    ],
)
def test_a_write_has_as_many_changes_as_weigh_1000_operations(
    ledger: FileLedger, disk: Shim, weights: list[int], writes: list[int]
):
    gate = Gate()
    disk.instead[SYNC] = gate
    tickets = [ledger.submit((TWO,), adding((TWO, 1)))]
    assert gate.reached.wait(10)
    tickets += [ledger.submit((ONE,), adding((ONE, 1)), None, weight) for weight in weights]
    sizes: list[int] = []
    disk.instead[APPEND] = lambda descriptor, data: sizes.append(data.count(b"\n")) or os.write(descriptor, data)
    del disk.instead[SYNC]
    gate.open()

    found = [ticket.wait().event.sequence for ticket in tickets]

    assert (sizes, found) == (writes, sorted(found))


def test_what_is_queued_counts_once_for_each_begun_100_operations(ledger: FileLedger, disk: Shim):
    gate = Gate()
    disk.instead[SYNC] = gate
    tickets, depths = [ledger.submit((ONE,), adding((ONE, 1)))], []
    assert gate.reached.wait(10)
    for weight in (1, 100, 101, 1000, 500, 1000):
        tickets.append(ledger.submit((ONE,), adding((ONE, 1)), None, weight))
        depths.append(ledger.queue_depth())
    tickets += ledger.submit_all(THOUSAND)
    depths.append(ledger.queue_depth())
    gate.open()
    for ticket in tickets:
        ticket.wait()

    assert (depths, ledger.queue_depth()) == ([1, 2, 4, 14, 19, 29, 39], 0)


def test_a_write_that_fails_carries_out_none_of_a_group(folder: Folder, ledger: FileLedger, disk: Shim):
    disk.instead[APPEND] = failing(OSError(28, "No space left on device"), times=1)
    for ticket in ledger.submit_all(THOUSAND):
        with pytest.raises(StorageUnavailable) as refusal:
            ticket.wait()
        assert refusal.value.outcome == "none"
    assert (ledger.record(ONE), folder.verify().problems) == (None, [])
