"""decide on transfers: one event for both stores, all of it or nothing."""

import pytest
from support.given import item
from support.shop import Shop, wanted

from inventory.domain.commands import CountStock, SetPolicy, TransferStock, WantedLine, at_version
from inventory.domain.errors import InsufficientStock, ItemsNotFound, Shortage, ValidationFailed, VersionConflict
from inventory.domain.events import Change
from inventory.domain.hold_commands import HoldStock
from inventory.domain.record import Policy
from inventory.domain.values import MAX_QUANTITY

A, B, C = item("a"), item("b"), item("c")
A_THERE, B_THERE, C_THERE = (item(at.sku, "store-9") for at in (A, B, C))


@pytest.fixture
def shop() -> Shop:
    """10 of A, 4 of B and 3 of C in store-1; of B, 1 in store-9."""
    shop = Shop()
    for at, on_hand in ((B, 4), (C, 3), (B_THERE, 1)):
        shop.do(CountStock(at, on_hand))
    return shop


def test_a_transfer_is_one_event_for_both_stores(shop: Shop):
    event = shop.do(TransferStock(wanted((A, 6), (B, 4)), "store-9"))
    changes = [(line.item, line.on_hand_delta, line.reserved_delta) for line in event.lines]
    assert changes == [(A, -6, 0), (B, -4, 0), (A_THERE, 6, 0), (B_THERE, 4, 0)]


def test_what_the_target_lacks_is_created_there(shop: Shop):
    shop.do(TransferStock(wanted((A, 6)), "store-9"))
    assert shop.state.record(A_THERE)[1:4] == (6, 0, 1)


def test_lines_of_one_sku_are_added_up_before_they_are_checked(shop: Shop):
    with pytest.raises(InsufficientStock) as refusal:
        shop.do(TransferStock(wanted((A, 6), (A, 5)), "store-9"))
    assert refusal.value.shortages == (Shortage(A, 11, 10),)


def test_a_refused_transfer_names_every_short_line_and_moves_nothing(shop: Shop):
    before = dict(shop.state.records)
    with pytest.raises(InsufficientStock) as refusal:
        shop.do(TransferStock(wanted((A, 1), (B, 5), (C, 4)), "store-9"))
    assert refusal.value.shortages == (Shortage(B, 5, 4), Shortage(C, 4, 3))
    assert shop.state.records == before


def test_a_transfer_leaves_what_is_promised(shop: Shop):
    shop.do(HoldStock("r-1", wanted((A, 4))))
    with pytest.raises(InsufficientStock) as refusal:
        shop.do(TransferStock(wanted((A, 7)), "store-9"))
    assert refusal.value.shortages == (Shortage(A, 7, 6),)


def test_a_transfer_may_use_the_safety_stock(shop: Shop):
    shop.do(SetPolicy(A, Policy(10)))
    shop.do(TransferStock(wanted((A, 10)), "store-9"))
    assert shop.figures(A) == (0, 0)


def test_a_policy_stays_where_it_was_set(shop: Shop):
    shop.do(SetPolicy(A, Policy(2)))
    shop.do(TransferStock(wanted((A, 1)), "store-9"))
    assert (shop.state.record(A).policy, shop.state.record(A_THERE).policy) == (Policy(2), None)


def test_a_transfer_to_the_same_store_is_refused(shop: Shop):
    with pytest.raises(ValidationFailed) as refusal:
        shop.do(TransferStock(wanted((A, 1)), "store-1"))
    assert [problem.field for problem in refusal.value.problems] == ["to"]


def test_a_transfer_names_every_record_that_is_not_there(shop: Shop):
    with pytest.raises(ItemsNotFound) as refusal:
        shop.do(TransferStock(wanted((item("no"), 1), (A, 1), (item("nor"), 1)), "store-9"))
    assert refusal.value.items == (item("no"), item("nor"))


def test_a_line_may_expect_a_version(shop: Shop):
    with pytest.raises(VersionConflict):
        shop.do(TransferStock((WantedLine(A, 1, at_version(2)),), "store-9"))


@pytest.mark.parametrize("qty", [0, -1])
def test_a_transfer_of_nothing_is_refused(shop: Shop, qty: int):
    with pytest.raises(ValidationFailed):
        shop.do(TransferStock(wanted((A, qty)), "store-9"))


def test_a_target_cannot_hold_more_than_the_largest_quantity(shop: Shop):
    shop.do(CountStock(A_THERE, MAX_QUANTITY))
    with pytest.raises(ValidationFailed):
        shop.do(TransferStock(wanted((A, 1)), "store-9"))


def test_what_comes_from_several_stores_arrives_in_sum(shop: Shop):
    shop.do(CountStock(item("a", "store-2"), 5))
    event = shop.do(TransferStock(wanted((A, 6), (item("a", "store-2"), 5)), "store-9"))
    assert (shop.figures(A_THERE), len(event.lines)) == ((11, 0), 3)


def test_goods_may_arrive_where_more_is_promised_than_there_is(shop: Shop):
    shop.do(HoldStock("r-1", wanted((B_THERE, 1))))
    shop.do(CountStock(B_THERE, 0))
    event = shop.do(TransferStock(wanted((B, 2)), "store-9"))
    assert Change(*event.lines[1][:3]) == Change(B_THERE, 2)
    assert shop.figures(B_THERE) == (2, 1)
