"""scripts/trade/flash_sale.py against services with one fault each: every fault is reported."""

import pytest
from support.scripted_service import Reply, ScriptedService
from trade import flash_sale
from trade.service import Service

MADE, SHORT = Reply(201, {}), Reply(409, {"error": "insufficient_stock"})
SOLD = [Reply(201, {"reservationId": "r-1"}), Reply(200, {"state": "committed"})]
UNPAID = [SOLD[0], Reply(410, {"error": "reservation_expired"})]


def is_right(*buyers: list[Reply], left: int = 0, held: int = 0) -> bool:
    """What a sale of 2 units to one buyer after another says of a service that answers these so."""
    answers = [answer for buyer in buyers for answer in buyer]
    books = Reply(200, {"onHand": left, "reserved": held})
    with ScriptedService(MADE, *answers, books) as served:
        result = flash_sale.hold_sale(Service(served.url), "sale", 2, len(buyers), clients=1)
    assert len(served.requests) == 2 + len(answers)
    return bool(result["ok"])


def test_two_units_sold_to_two_of_three_and_nothing_left_is_right():
    assert is_right(SOLD, SOLD, [SHORT])


@pytest.mark.parametrize(("sold", "left"), [(1, 1), (3, -1), (0, 2)])
def test_books_that_agree_do_not_make_up_for_a_sale_of_too_few_or_too_many(sold: int, left: int):
    buyers = [SOLD] * sold + [[SHORT]] * (3 - sold)
    assert not is_right(*buyers, left=left)


def test_a_unit_that_is_still_held_after_all_have_paid_is_noticed():
    assert not is_right(SOLD, SOLD, [SHORT], held=1)


def test_a_unit_that_was_sold_and_is_still_in_the_books_is_noticed():
    assert not is_right(SOLD, SOLD, [SHORT], left=1)


@pytest.mark.parametrize("wrong", [[Reply(400, {"error": "validation_error"})], [Reply(500, {})], UNPAID])
def test_a_buyer_who_is_refused_for_anything_but_stock_is_noticed(wrong: list[Reply]):
    assert not is_right(SOLD, SOLD, wrong)
