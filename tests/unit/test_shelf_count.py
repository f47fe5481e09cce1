"""A count with the version that was on the screen: what it is compared with, and what later changes do to it."""

from collections.abc import Callable

import pytest
from support.partial_history import HERE, Ledger, World

from inventory.domain.commands import AdjustStock, CountStock, Seen
from inventory.domain.errors import CountOvertaken, ValidationFailed
from inventory.domain.hold_commands import Command
from inventory.service import history as module
from inventory.service.history import HistoryService
from inventory.service.ports.change_queue import Outcome
from inventory.service.shelf_count import TRIES, count_at_version
from inventory.service.stock import StockService


@pytest.fixture
def service(past: World) -> HistoryService:
    return past.service


def test_a_version_is_found(ten: Ledger, service: HistoryService):
    assert service.seen_at(HERE, 3, "countedAtVersion") == Seen(3, 5)


def test_what_counts_have_corrected_since_a_version_is_part_of_what_was_seen():
    world = World(events=0)
    stock = StockService(world.ledger)
    for command in (CountStock(HERE, 10), AdjustStock(HERE, -3), CountStock(HERE, 5), AdjustStock(HERE, 4)):
        stock.change(command)
    # 10 were there, and a count took 2 away.
    assert world.service.seen_at(HERE, 1, "countedAtVersion") == Seen(8, 4)


def test_what_was_found_before_is_gone_on_from(ten: Ledger, service: HistoryService):
    found = service.seen_at(HERE, 3, "countedAtVersion")
    ten.add((HERE, 1))
    StockService(ten).change(CountStock(HERE, 2))
    ten.part.compacted = ten.part.deleted = 8
    assert service.seen_at(HERE, 3, "countedAtVersion", found) == Seen(3 - 4, 7)
    assert service.seen_at(HERE, 3, "countedAtVersion", Seen(3 - 4, 7)) == Seen(3 - 4, 7)


def test_a_version_that_is_not_there_yet_is_refused_by_the_name_of_its_field(ten: Ledger, service: HistoryService):
    with pytest.raises(ValidationFailed) as refusal:
        service.seen_at(HERE, 6, "countedAtVersion")
    assert [problem.field for problem in refusal.value.problems] == ["countedAtVersion"]


def test_what_lies_too_many_changes_back_is_refused_by_the_name_of_its_field(
    ten: Ledger, service: HistoryService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "FARTHEST", 3)
    assert service.seen_at(HERE, 3, "countedAtVersion").on_hand == 3
    with pytest.raises(ValidationFailed) as refusal:
        service.seen_at(HERE, 2, "countedAtVersion")
    assert [problem.field for problem in refusal.value.problems] == ["countedAtVersion"]


def test_a_version_whose_event_was_deleted_is_found_while_it_is_the_current_one(ten: Ledger, service: HistoryService):
    ten.part.compacted = ten.part.deleted = 9
    assert service.seen_at(HERE, 5, "countedAtVersion") == Seen(5, 5)


def overtaken_by(stock: StockService, command: Command, times: int) -> Callable[[CountStock], Outcome]:
    """Carries out counts; each of the first ``times`` is overtaken by ``command``."""
    left = iter(range(times))

    def carry_out(count: CountStock) -> Outcome:
        if next(left, None) is not None:
            stock.change(command)
        return stock.change(count)

    return carry_out


@pytest.mark.parametrize("times", [1, TRIES - 1])
@pytest.mark.parametrize(("command", "on_hand"), [(CountStock(HERE, 4), 4), (AdjustStock(HERE, 1), None)])
def test_a_count_that_is_overtaken_by_another_of_the_same_shelf_changes_nothing_more(
    ten: Ledger, service: HistoryService, times: int, command: Command, on_hand: int | None
):
    stock = StockService(ten)
    # 5 on the screen at version 5, and 4 on the shelf.
    outcome = count_at_version(CountStock(HERE, 4), 5, service, overtaken_by(stock, command, times))
    assert outcome.record.on_hand == (4 + times if on_hand is None else on_hand)


def test_a_count_that_is_overtaken_again_and_again_is_refused_and_changes_nothing(ten: Ledger, service: HistoryService):
    with pytest.raises(CountOvertaken):
        count_at_version(CountStock(HERE, 1), 5, service, overtaken_by(StockService(ten), AdjustStock(HERE, 1), TRIES))
    assert ten.record(HERE).on_hand == 5 + TRIES


def test_a_count_that_is_overtaken_walks_the_new_steps_alone(ten: Ledger, service: HistoryService):
    reads: list[bool] = []
    ten.part.on_read = lambda: reads.append(True)
    count_at_version(CountStock(HERE, 4), 1, service, overtaken_by(StockService(ten), AdjustStock(HERE, 1), TRIES - 1))
    # The five steps that there were, and then the new one and the one that was known.
    assert len(reads) == 5 + 2 * (TRIES - 1)
