"""Many threads on several processes' ledgers: each history is gapless, and the log agrees with the answers."""

import random
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import pytest
from support.children import heard, on
from support.folder import ONE, Folder, Shim, add
from support.given import deciding, item
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import InsufficientStock, Overloaded
from inventory.domain.events import Event, Line
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.ledger import FileLedger
from inventory.service.stock import StockService

ITEMS = [item(f"sku-{number}") for number in range(5)]
OPERATIONS, AT_ONCE, STOCK = 3000, 16, 40


def mixed(dice: random.Random, number: int) -> Command:
    at = dice.choice(ITEMS)
    if dice.random() < 0.3:
        return reserve_one(at, dice.randint(1, 3), f"r-{number}")
    return AdjustStock(at, dice.choice([-7, -2, -1, 1, 2, 4]))


def doing(ledger: FileLedger, command: Command, key: str | None) -> Callable[[], Event | None]:
    def task() -> Event | None:
        try:
            use = key and IdempotencyKey(key, "hash")
            return ledger.submit(command.entities, deciding(command), use).wait().event
        except InsufficientStock:
            return None

    return task


def run_mixed(folder: Folder, segment_bytes: int) -> tuple[list[FileLedger], list[Event]]:
    ledgers = [folder.start(segment_bytes=segment_bytes), folder.open(segment_bytes=segment_bytes)]
    for at in ITEMS:
        ledgers[0].submit((at,), deciding(CountStock(at, STOCK))).wait()
    dice = random.Random(7)
    tasks = []
    for number in range(OPERATIONS):
        command, key = mixed(dice, number), f"key-{number}" if number % 3 == 0 else None
        tasks.append(doing(ledgers[number % 2], command, key))
        if key is not None and number % 2 == 0:
            # The retry goes to the other process, perhaps at the same time.
            tasks.append(doing(ledgers[1], command, key))
    return ledgers, [event for event in run_parallel(tasks, at_once=AT_ONCE) if event is not None]


@pytest.mark.parametrize("segment_bytes", [1 << 26, 40_000])
def test_two_processes_with_16_threads_neither_lose_nor_double_nor_oversell(folder: Folder, segment_bytes: int):
    ledgers, told = run_mixed(folder, segment_bytes)
    events = {event.sequence: event for event in told}
    lines: dict[object, list[Line]] = defaultdict(list)
    for sequence in sorted(events):
        for line in events[sequence].lines:
            lines[line.item].append(line)
    assert sorted(events) == list(range(len(ITEMS) + 1, len(ITEMS) + len(events) + 1))
    assert all(events[event.sequence] == event for event in told)
    for at in ITEMS:
        history = [Line(at, STOCK, 0, STOCK, 0, 1), *lines[at]]
        for before, after in pairwise(history):
            assert after.version == before.version + 1
            assert after.on_hand == before.on_hand + after.on_hand_delta >= 0
            assert after.on_hand >= after.reserved == before.reserved + after.reserved_delta
        for ledger in ledgers:
            assert ledger.record(at)[1:4] == history[-1][3:6]
    verification = folder.verify()
    assert (verification.problems, verification.checked_sequence) == ([], len(ITEMS) + len(events))


ADDS = """
from inventory.resilience.disk import Disk
ledger = folder.open(Disk(), segment_bytes=8192)
say("ready")
sys.stdin.readline()
for _ in range(150):
    say(add(ledger).record.version)
"""


def test_real_processes_share_a_log(folder: Folder):
    ledger = folder.start(segment_bytes=8192)
    with on(folder, ADDS) as one, on(folder, ADDS) as two:
        assert [heard(child) for child in (one, two)] == ["ready", "ready"]
        for child in (one, two):
            child.stdin.write("go\n")
            child.stdin.flush()
        ours = [add(ledger).record.version for _ in range(50)]
        theirs = [int(version) for child in (one, two) for version in child.communicate(timeout=30)[0].split()]
    assert sorted(ours + theirs) == list(range(1, 351))
    assert (ledger.record(ONE)[1:4], folder.verify().problems) == ((350, 0, 350), [])


def test_many_commands_of_one_caller_share_one_write_and_one_sync(folder: Folder):
    disk = Shim()
    stock = StockService(folder.start(disk))
    disk.calls.clear()
    outcomes = stock.change_many([(CountStock(item(f"many-{number}"), number), None) for number in range(500)])
    assert [outcome.record.on_hand for outcome in outcomes] == list(range(500))
    assert disk.calls == ["append", "fdatasync"]


@pytest.mark.timeout(60)
def test_many_that_are_never_begun_are_refused_after_one_wait_in_all(folder: Folder):
    ledger = folder.start(commit_wait_ms=1000)
    with AppendLock(folder.layout.append_lock, folder.layout.events):
        # A wait for each would be 200 s.
        results = StockService(ledger).change_many([(CountStock(at, 1), None) for at in ITEMS * 40])
    assert {type(result) for result in results} == {Overloaded}
