"""scripts/trade/flash_sale.py against the app itself, over HTTP, with a ledger in memory."""

import pytest
from trade import flash_sale
from trade.service import Service


@pytest.mark.parametrize(
    ("left", "said"), [(10, "ok: every buyer was sold one unit, and"), (0, "ok: exactly what there was to sell was")]
)
def test_a_sale_of_which_something_is_left_is_not_said_to_be_sold_out(service: Service, left: int, said: str):
    result = flash_sale.hold_sale(service, "sale", 10 + left, 10, clients=2)
    assert flash_sale.in_words(result)[-1].startswith(said)


@pytest.mark.parametrize(("units", "buyers", "sold"), [(5, 40, 5), (5, 3, 3), (1, 1, 1)])
def test_a_flash_sale_sells_what_there_is(service: Service, units: int, buyers: int, sold: int):
    result = flash_sale.hold_sale(service, "sale", units, buyers, clients=8)
    assert (result["ok"], result["sold"], result["left"]) == (True, sold, units - sold)
    assert sum(result["refused"].values()) == buyers - sold


def test_a_sale_of_which_another_client_takes_a_unit_is_not_ok(service: Service, monkeypatch: pytest.MonkeyPatch):
    get = service.get

    def a_unit_is_gone(path: str):
        service.change("POST", f"{path}/adjust", {"delta": -1})
        return get(path)

    monkeypatch.setattr(service, "get", a_unit_is_gone)
    assert not flash_sale.hold_sale(service, "sale", 5, 3, clients=2)["ok"]
