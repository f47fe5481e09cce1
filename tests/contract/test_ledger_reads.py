"""The ledger port: records, pages, SKUs over all stores, snapshots and status."""

import pytest
from support.given import adding, all_stock, item

from inventory.domain.errors import StoreNotFound
from inventory.domain.state import LedgerIds
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.stock_reads import PageRequest, StoreSummary

# In code point order: "-" "." "0" "9" ":" "A" "Z" "_" "a" "z".
SKUS = ["0", "9", "A", "A-", "A.", "A0", "A:", "AZ", "A_", "Aa", "Z", "a", "aA", "z"]


@pytest.fixture
def stocked(ledger: Ledger) -> Ledger:
    """Every SKU in store-1, filed in an order that is not theirs, and one SKU in three stores."""
    for sku in [*SKUS[::2], *reversed(SKUS[1::2])]:
        put(ledger, sku, "store-1", 1)
    put(ledger, "A", "store-3", 3)
    put(ledger, "A", "Store-2", 2)
    return ledger


def put(ledger: Ledger, sku: str, store: str, number: int) -> None:
    at = item(sku, store)
    ledger.submit((at,), adding((at, number))).wait()


def skus(ledger: Ledger, **request) -> list[str]:
    return [record.item.sku for record in ledger.records_of_store("store-1", PageRequest(**request)).items]


def test_a_page_is_in_code_point_order(stocked: Ledger):
    assert skus(stocked) == SKUS


@pytest.mark.parametrize("limit", [1, 3, 13, 14, 15, 1000])
def test_walking_from_page_to_page_meets_everything_once(stocked: Ledger, limit: int):
    met, page = [], stocked.records_of_store("store-1", PageRequest(limit))
    while page.next_after is not None:
        met += page.items
        page = stocked.records_of_store("store-1", PageRequest(limit, page.next_after))
    assert [record.item.sku for record in (*met, *page.items)] == SKUS


def test_a_page_that_ends_at_the_last_entry_has_no_next(stocked: Ledger):
    page = stocked.records_of_store("store-1", PageRequest(len(SKUS)))
    assert (len(page.items), page.next_after) == (len(SKUS), None)


def test_a_page_begins_after_a_name_that_need_not_be_there(stocked: Ledger):
    assert skus(stocked, after="B", limit=2) == ["Z", "a"]


def test_a_page_after_the_last_name_is_empty(stocked: Ledger):
    assert skus(stocked, after="z") == []


def test_a_prefix_restricts_a_page(stocked: Ledger):
    assert skus(stocked, prefix="A") == [sku for sku in SKUS if sku.startswith("A")]


def test_a_prefix_goes_with_after_and_limit(stocked: Ledger):
    page = stocked.records_of_store("store-1", PageRequest(2, "A.", "A"))
    assert ([record.item.sku for record in page.items], page.next_after) == (["A0", "A:"], "A:")


def test_the_last_page_of_a_prefix_has_no_next(stocked: Ledger):
    assert stocked.records_of_store("store-1", PageRequest(8, None, "A")).next_after is None


def test_a_prefix_that_nothing_has_gives_an_empty_page(stocked: Ledger):
    assert skus(stocked, prefix="nothing") == []


def test_a_page_holds_current_records_as_of_its_sequence(stocked: Ledger):
    put(stocked, "A", "store-1", 5)
    page = stocked.records_of_store("store-1", PageRequest(1, "9"))
    assert (page.items[0].on_hand, page.items[0].version, page.as_of_sequence) == (6, 2, len(SKUS) + 3)


def test_a_sku_that_is_new_shows_on_the_next_page_that_is_asked_for(stocked: Ledger):
    before = skus(stocked, limit=1)
    put(stocked, "00", "store-1", 1)
    assert (before, skus(stocked, after="0", limit=1)) == (["0"], ["00"])


def test_a_store_that_no_event_has_named_is_not_found(stocked: Ledger):
    with pytest.raises(StoreNotFound):
        stocked.records_of_store("store-9", PageRequest())


def test_stores_come_by_id_with_their_number_of_skus(stocked: Ledger):
    page = stocked.stores(PageRequest())
    assert page.items == [StoreSummary("Store-2", 1), StoreSummary("store-1", len(SKUS)), StoreSummary("store-3", 1)]
    assert (page.next_after, page.as_of_sequence) == (None, len(SKUS) + 2)


def test_stores_are_paged_like_records(stocked: Ledger):
    page = stocked.stores(PageRequest(1, "Store-2", "store"))
    assert ([found.store for found in page.items], page.next_after) == (["store-1"], "store-1")


def test_an_empty_ledger_has_no_stores(ledger: Ledger):
    assert ledger.stores(PageRequest()).items == []


def test_a_sku_is_found_in_every_store_by_store(stocked: Ledger):
    stock = stocked.records_of_sku("A")
    found = [(record.item.store, record.on_hand) for record in stock.records]
    assert found == [("Store-2", 2), ("store-1", 1), ("store-3", 3)]
    assert (stock.sku, stock.as_of_sequence) == ("A", len(SKUS) + 2)


def test_a_sku_that_no_store_has_has_no_records(stocked: Ledger):
    assert list(stocked.records_of_sku("none").records) == []


def test_the_central_view_of_an_idle_ledger_is_complete(stocked: Ledger):
    stocked.records_of_sku("A")
    central = stocked.central_stock("A")
    assert (central.records, central.as_of_sequence) == (stocked.records_of_sku("A").records, len(SKUS) + 2)


def test_a_snapshot_holds_every_record_and_where_each_sku_is(stocked: Ledger):
    snapshot = all_stock(stocked)
    everywhere = {*(item(sku) for sku in SKUS), item("A", "Store-2"), item("A", "store-3")}
    assert set(snapshot.records) == everywhere
    assert all(snapshot.records[at] == stocked.record(at) for at in everywhere)
    assert {at for items in snapshot.items_of_sku.values() for at in items} == everywhere
    assert snapshot.as_of_sequence == len(SKUS) + 2


def test_a_snapshot_does_not_change_when_the_stock_does(stocked: Ledger):
    snapshot, before = all_stock(stocked), stocked.record(item("A"))
    put(stocked, "A", "store-1", 5)
    put(stocked, "new", "store-1", 5)
    assert (snapshot.records[item("A")], "new" in snapshot.items_of_sku) == (before, False)


def test_the_status_of_a_healthy_ledger_is_that_everything_is_durable(stocked: Ledger):
    assert stocked.status()[:5] == (len(SKUS) + 2, len(SKUS) + 2, None, 0, None)


def test_the_status_names_the_ledger_by_its_first_event_once_that_is_there(ledger: Ledger):
    assert ledger.status().ids == LedgerIds()

    put(ledger, "A", "store-1", 1)
    put(ledger, "A", "store-1", 2)

    first = ledger.history.events(1, 1, archived=False)[0].event_id
    assert ledger.status().ids == LedgerIds(first, first)
