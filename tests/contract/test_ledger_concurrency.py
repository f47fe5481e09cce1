"""The ledger port with many callers at once."""

import random
from collections import defaultdict
from collections.abc import Callable

from support.given import adding, all_stock, deciding, item
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import InsufficientStock
from inventory.domain.events import Event
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import ItemId
from inventory.service.ports.ledger import Ledger

AT_ONCE = 16
ITEMS = [item(f"sku-{number}") for number in range(5)]
START = 50


def stock_up(ledger: Ledger) -> None:
    for at in ITEMS:
        ledger.submit((at,), deciding(CountStock(at, START))).wait()


def mixed_commands(number: int) -> list[Command]:
    dice = random.Random(3)
    return [
        dice.choice(
            [
                AdjustStock(dice.choice(ITEMS), dice.choice([-9, -3, -1, 1, 2, 5])),
                reserve_one(dice.choice(ITEMS), dice.randint(1, 4), f"r-{index}"),
            ]
        )
        for index in range(number)
    ]


def trying(ledger: Ledger, command: Command) -> Callable[[], Event | None]:
    def task() -> Event | None:
        try:
            return ledger.submit(command.entities, deciding(command)).wait().event
        except InsufficientStock:
            return None

    return task


def lines_by_item(events: list[Event]) -> dict[ItemId, list]:
    found = defaultdict(list)
    for event in sorted(events):
        for line in event.lines:
            found[line.item].append(line)
    return found


def test_16_threads_of_mixed_changes_lose_nothing_and_repeat_nothing(ledger: Ledger):
    stock_up(ledger)
    outcomes = run_parallel([trying(ledger, command) for command in mixed_commands(400)], at_once=AT_ONCE)
    events = [event for event in outcomes if event is not None]
    assert sorted(event.sequence for event in events) == list(range(6, 6 + len(events)))
    for at, lines in lines_by_item(events).items():
        assert [line.version for line in lines] == list(range(2, 2 + len(lines)))
        record = ledger.record(at)
        assert record.on_hand == START + sum(line.on_hand_delta for line in lines)
        assert record.reserved == sum(line.reserved_delta for line in lines)
        assert record.version == lines[-1].version


def test_each_answer_continues_the_one_before(ledger: Ledger):
    stock_up(ledger)
    outcomes = run_parallel([trying(ledger, command) for command in mixed_commands(400)], at_once=AT_ONCE)
    for lines in lines_by_item([event for event in outcomes if event is not None]).values():
        on_hand, reserved = START, 0
        for line in lines:
            on_hand, reserved = on_hand + line.on_hand_delta, reserved + line.reserved_delta
            assert (line.on_hand, line.reserved) == (on_hand, reserved)
            assert 0 <= reserved <= on_hand


def test_the_last_units_are_promised_once(ledger: Ledger):
    at = ITEMS[0]
    ledger.submit((at,), deciding(CountStock(at, 10))).wait()
    buyers = [trying(ledger, reserve_one(at, 1, f"r-{number}")) for number in range(100)]
    outcomes = run_parallel(buyers, at_once=AT_ONCE)
    assert (sum(event is not None for event in outcomes), ledger.record(at).qty) == (10, 0)


def test_what_is_moved_between_records_is_always_there_in_sum(ledger: Ledger):
    stock_up(ledger)
    dice = random.Random(5)

    def move() -> int:
        one, other = dice.sample(ITEMS, 2)
        ledger.submit((one, other), adding((one, -1), (other, 1))).wait()
        return sum(record.on_hand for record in all_stock(ledger).records.values())

    assert set(run_parallel([move] * 200, at_once=AT_ONCE)) == {START * len(ITEMS)}


def test_a_client_that_was_answered_reads_at_least_that_version(ledger: Ledger):
    at = ITEMS[0]

    def add_and_read() -> tuple[int, int]:
        version = ledger.submit((at,), adding((at, 1))).wait().record.version
        return version, ledger.record(at).version

    answers = run_parallel([add_and_read] * 200, at_once=AT_ONCE)
    assert all(read >= answered for answered, read in answers)


def test_retries_at_the_same_time_change_once_for_each_key(ledger: Ledger):
    at = ITEMS[0]
    keys = [IdempotencyKey(f"key-{number % 40}", "hash") for number in range(200)]
    random.Random(9).shuffle(keys)
    tasks = [lambda key=key: ledger.submit((at,), adding((at, 1)), key).wait() for key in keys]
    outcomes = run_parallel(tasks, at_once=AT_ONCE)
    assert len({(key.key, outcome.event) for key, outcome in zip(keys, outcomes, strict=True)}) == 40
    assert ledger.record(at).on_hand == 40
