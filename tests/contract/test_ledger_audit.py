"""What a ledger shows is the fold of its own events: records, SKUs, stores, reservations and broken records."""

import random
from collections.abc import Callable

import pytest
from support.engines import LedgerUnderTest
from support.given import Clock, all_stock, deciding, event_of, fold_all, item

from inventory.domain.commands import AdjustStock, CountStock, SetPolicy, SettleDeadLetter, TransferStock, WantedLine
from inventory.domain.errors import InventoryError
from inventory.domain.events import Event, Line
from inventory.domain.hold_commands import AtomicBatch, Command, CommitHold, ExpireHold, HoldStock, ReleaseHold
from inventory.domain.record import Policy
from inventory.domain.state import State
from inventory.domain.values import StoreId
from inventory.service.ports.stock_reads import PageRequest, ReservationRequest
from inventory.service.quotas import sizes_of
from inventory.service.state_pages import StockCopy, broken_of

ITEMS = [item(sku, store) for sku in ("a", "b", "c") for store in ("store-1", "store-2")]
NEVER_MADE = item("d", "store-3")


def a_command(dice: random.Random, number: int) -> Command:
    one, other = dice.sample(ITEMS, 2)
    held = f"r-{max(0, number // 9 - dice.randrange(9))}"
    return dice.choice(
        [
            CountStock(one, dice.randrange(50)),
            AdjustStock(one, dice.randint(-5, 9)),
            SetPolicy(one, Policy(dice.randrange(3), None)),
            HoldStock(f"r-{number // 9}", (WantedLine(one, 2), WantedLine(other, 1)), dice.choice([None, 10])),
            CommitHold(held, tuple(ITEMS)),
            ReleaseHold(held, tuple(ITEMS)),
            ExpireHold(held, tuple(ITEMS)),
            TransferStock((WantedLine(one, 1),), StoreId("store-3")),
            AtomicBatch((AdjustStock(one, 1), CountStock(other, 9), HoldStock(f"b-{number}", (WantedLine(one, 1),)))),
        ]
    )


@pytest.fixture
def with_a_past(ledger_factory: Callable[..., LedgerUnderTest], clock: Clock) -> LedgerUnderTest:
    """A ledger that began with two breaks, one of which is settled, and was sent 400 changes of every kind."""
    before = [event_of(1, Line(ITEMS[0], 1, 0, 7, 0, 3)), event_of(2, Line(NEVER_MADE, 1, 0, 1, 0, 9))]
    ledger, dice = ledger_factory(clock, events=before), random.Random(11)
    settling: Command = SettleDeadLetter(ITEMS[0], 1, "requeue")
    for number, command in enumerate([settling, *(a_command(dice, number) for number in range(400))]):
        try:
            ledger.submit(command.entities, deciding(command)).wait()
        except InventoryError:
            continue
        finally:
            clock.advance(ms=number % 7)
    return ledger


@pytest.fixture
def events(with_a_past: LedgerUnderTest) -> list[Event]:
    return list(with_a_past.history.events(1, 1000, archived=True))


@pytest.fixture
def fold(events: list[Event]) -> State:
    return fold_all(events)


def test_much_has_happened(events: list[Event]):
    assert len(events) > 150
    endings = {f"reservation.{ending}" for ending in ("committed", "released", "expired")}
    assert endings < {event.type for event in events}


def test_every_record_and_every_sku_is_what_the_events_say(with_a_past: LedgerUnderTest, fold: State):
    shown = all_stock(with_a_past, at_once=2)
    assert (shown.as_of_sequence, shown.records) == (fold.sequence, fold.records)
    assert {sku: set(items) for sku, items in shown.items_of_sku.items()} == {
        sku: set(items) for sku, items in fold.central().items()
    }


def test_every_walk_is_in_the_same_order(with_a_past: LedgerUnderTest):
    one, other = all_stock(with_a_past, at_once=1), all_stock(with_a_past, at_once=1000)
    assert (list(one.records), list(one.items_of_sku)) == (list(other.records), list(other.items_of_sku))


def test_a_walk_that_is_begun_shows_nothing_of_later_changes(with_a_past: LedgerUnderTest, fold: State):
    with with_a_past.walk() as stock:
        with_a_past.submit((ITEMS[1],), deciding(CountStock(ITEMS[1], 999))).wait()
        new = item("new")
        with_a_past.submit((new,), deciding(CountStock(new, 1))).wait()
        records, skus = stock.records(None, 1000).items, stock.skus(None, 1000).items
    assert {record.item: record for record in records} == fold.records
    assert {record.item: record for sku in skus for record in sku.records} == fold.records


def test_the_sums_of_every_sku_are_those_of_its_records(with_a_past: LedgerUnderTest, fold: State):
    with_copy = StockCopy(fold)
    for sku, records in with_copy.skus(None, 1000).items:
        stock = with_a_past.records_of_sku(sku)
        assert list(stock.records) == list(records)
        assert stock.totals[1:] == tuple(
            sum(getattr(record, name) for record in records) for name in ("qty", "reserved", "on_hand")
        )


def test_every_store_has_the_records_that_the_events_say(with_a_past: LedgerUnderTest, fold: State):
    stores = {one.store: one.skus for one in with_a_past.stores(PageRequest(1000)).items}
    assert stores == {store: len(skus) for store, skus in fold.skus_of_store.items()}
    for store in stores:
        shown = with_a_past.records_of_store(store, PageRequest(1000)).items
        assert list(shown) == sorted(record for item, record in fold.records.items() if item.store == store)


def test_every_reservation_is_what_the_events_say(with_a_past: LedgerUnderTest, fold: State):
    shown = with_a_past.reservations(ReservationRequest(1000)).items
    assert list(shown) == list(fold.reservations.copy())
    assert all(one == with_a_past.reservation(one.reservation_id) for one in shown)


def test_what_is_broken_and_how_much_there_is_follows_from_the_events(with_a_past: LedgerUnderTest, fold: State):
    assert list(with_a_past.broken(9)) == broken_of(fold, 9) != []
    assert with_a_past.status().sizes == sizes_of(fold)
