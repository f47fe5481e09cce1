"""One SKU in many stores: read in parts, as of one event, while nothing that a change needs is held for long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import event_of, item

from inventory.domain import state as state_module
from inventory.domain.events import Line
from inventory.domain.record import Record
from inventory.domain.sku_stock import SkuTotals, SortedNames, totals_of
from inventory.domain.state import FEW, State, fold
from inventory.domain.values import ItemId
from inventory.service import state_pages as listing
from inventory.service.ports.stock_reads import LONGEST, PageRequest, SkuStock
from inventory.service.state_pages import read_sku

SKU = "sku-1"


def store(number: int) -> str:
    return f"store-{number:06d}"


class Shop:
    """Stores whose stock is changed event by event."""

    def __init__(self) -> None:
        self.state = State()

    def add(self, number: int, units: int, reserved: int = 0) -> None:
        at = item(SKU, store(number))
        before = self.state.record(at) or Record(at, 0, 0, 0, 0, self.state.last_at)
        figures = (before.on_hand + units, before.reserved + reserved, before.version + 1)
        fold(self.state, event_of(self.state.sequence + 1, Line(at, units, reserved, *figures)), 0)

    def stock(self) -> list[Record]:
        return sorted(record for record in self.state.records.values() if record.item.sku == SKU)

    @contextmanager
    def still(self) -> Iterator[State]:
        yield self.state


def shop_of(stores: int) -> Shop:
    shop = Shop()
    for number in range(stores):
        shop.add(number * 2, number % 7)
    return shop


def walk(shop: Shop, limit: int) -> list[SkuStock]:
    found, after = [], None
    while True:
        found.append(read_sku(shop.still, SKU, PageRequest(limit, after), 0))
        after = found[-1].next_after
        if after is None:
            return found


@pytest.mark.parametrize("stores", [1, FEW, FEW + 1, 3 * FEW])
@pytest.mark.parametrize("limit", [1, 7, FEW, LONGEST.limit])
def test_pages_of_a_sku_meet_every_store_once_and_each_has_all_sums(stores: int, limit: int):
    shop = shop_of(stores)
    pages = walk(shop, limit)
    assert [record for page in pages for record in page.records] == shop.stock()
    assert {page.totals for page in pages} == {totals_of(shop.stock())}
    assert all(len(page.records) <= limit for page in pages)


def test_a_page_behind_the_last_store_is_empty_and_has_all_sums():
    page = read_sku(shop_of(FEW + 5).still, SKU, PageRequest(9, "z"), 0)
    assert (page.records, page.next_after, page.totals.stores) == ([], None, FEW + 5)


def test_a_sku_that_no_store_has_has_no_stores():
    assert read_sku(Shop().still, SKU, LONGEST, 0).totals == SkuTotals()


CHANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 9), st.integers(-2, 4)), max_size=60)


@given(CHANGES, st.lists(CHANGES, max_size=8), st.integers(1, 50), st.none() | st.integers(0, 40).map(store))
def test_what_changes_while_a_sku_is_read_in_parts_is_not_in_the_answer(before, between, limit, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_module, "FEW", 2)
        patch.setattr(listing, "AT_ONCE", 3)
        shop = Shop()
        for change in before:
            shop.add(*change)
        expected, sequence = shop.stock(), shop.state.sequence
        pending = iter(between)

        @contextmanager
        def still() -> Iterator[State]:
            yield shop.state
            for change in next(pending, []):
                shop.add(*change)

        found = read_sku(still, SKU, PageRequest(limit, after), 0)
    assert found.records == [record for record in expected if after is None or record.item.store > after][:limit]
    assert (found.totals, found.as_of_sequence) == (totals_of(expected), sequence)
    assert all(wide.readings == [] for wide in shop.state.wide.values())


@given(CHANGES)
def test_the_sums_of_a_sku_in_many_stores_are_those_of_its_records(changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_module, "FEW", 2)
        shop = Shop()
        for change in changes:
            shop.add(*change)
            assert read_sku(shop.still, SKU, LONGEST, 0).totals == totals_of(shop.stock())


def test_a_read_that_breaks_off_leaves_nothing_behind():
    shop, held = shop_of(FEW + 1), iter(range(2))

    @contextmanager
    def still() -> Iterator[State]:
        if next(held, None) == 1:
            raise OSError("the log was cut")
        yield shop.state

    with pytest.raises(OSError, match="was cut"):
        read_sku(still, SKU, LONGEST, 0)
    assert shop.state.wide[SKU].readings == []


class Counted(dict[ItemId, Record]):
    """Records that count how often they are looked at."""

    looks = 0

    def __getitem__(self, at: ItemId) -> Record:
        self.looks += 1
        return super().__getitem__(at)


def counting(state: State, taken: list[int]) -> Callable:
    """Hold the state still, and note how many records and names were touched meanwhile."""
    records = state.records = Counted(state.records)

    @contextmanager
    def still() -> Iterator[State]:
        names = _NAMES[0]
        looks = records.looks
        yield state
        taken.append(records.looks - looks + _NAMES[0] - names)

    return still


_NAMES = [0]


def test_of_100_000_stores_no_more_than_a_thousand_steps_are_made_while_the_fold_stands_still(monkeypatch):
    stores, taken = 100_000, list[int]()
    state = State()
    state.sequence = 1
    for number in range(stores):
        state.restore(Record(item(SKU, store(number * 7919 % stores)), 3, 1, 1, 1, state.last_at))
    after = SortedNames.after

    def counted(names: SortedNames, *asked) -> list[str]:
        found = after(names, *asked)
        _NAMES[0] += len(found)
        return found

    monkeypatch.setattr(SortedNames, "after", counted)
    found = read_sku(counting(state, taken), SKU, LONGEST, 0)
    assert (len(found.records), found.next_after) == (LONGEST.limit, store(LONGEST.limit - 1))
    assert found.totals == SkuTotals(stores, 2 * stores, stores, 3 * stores)
    assert max(taken) <= 1000
    assert sum(taken) > LONGEST.limit, "nothing was counted"


def test_entering_one_more_store_of_a_sku_copies_no_list_of_all_of_them():
    shop = shop_of(5 * FEW)
    few, items = shop.state.items_of_sku[SKU], shop.state.wide[SKU].items
    shop.add(1, 5)
    assert len(few) == FEW
    assert shop.state.items_of_sku[SKU] is few
    assert shop.state.wide[SKU].items is items
    assert shop.state.central()[SKU] == (*few, *items[FEW:])
