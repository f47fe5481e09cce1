"""What a request with many lines costs grows with their number, and not with its square: in steps, not in time."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from support.apps import NOW, adjust, count, make_services, reserve
from support.steps import steps

from inventory.eventlog.line import GENESIS, encode
from inventory.memory.ledger import MemoryLedger
from inventory.web.app import create_app

FEW, MANY = 200, 400
Body = dict[str, Any]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(now=lambda: NOW)


@pytest.fixture
def client(ledger: MemoryLedger) -> FlaskClient:
    """Each of 400 SKUs has 1,000 units."""
    client = create_app(make_services(ledger, rate_limit_rps=0)).test_client()
    stocked = [count(f"sku-{number}", 1000) for number in range(MANY)]
    assert client.post("/inventory/batch", json={"atomic": True, "operations": stocked}).status_code == 200
    return client


def batch(operation: Callable[[str], Body], *, atomic: bool) -> Callable[[int], tuple[str, Body]]:
    def asked(many: int) -> tuple[str, Body]:
        return "/inventory/batch", {"atomic": atomic, "operations": [operation(f"sku-{at}") for at in range(many)]}

    return asked


def lines(many: int, **more: str) -> list[Body]:
    return [{"sku": f"sku-{number}", "qty": 1, **more} for number in range(many)]


def adjusted(sku: str) -> Body:
    return adjust(-1, sku)


def reserved(sku: str) -> Body:
    return reserve(1, sku)


def counted(sku: str) -> Body:
    return count(sku, 900)


def short(sku: str) -> Body:
    return reserve(5000, sku)


def wrong(sku: str) -> Body:
    return adjust("many", sku)


REQUESTS = {
    **{f"atomic {made.__name__}": batch(made, atomic=True) for made in (adjusted, reserved, counted, wrong)},
    **{f"each {made.__name__}": batch(made, atomic=False) for made in (adjusted, reserved, counted, short)},
    "transfer": lambda many: ("/transfers", {"from": "store-1", "to": "store-2", "lines": lines(many)}),
    "hold": lambda many: ("/reservations", {"lines": lines(many, storeId="store-1")}),
    "hold that is short": lambda many: (
        "/reservations",
        {"lines": [{**line, "qty": 5000} for line in lines(many, storeId="store-1")]},
    ),
}


@pytest.mark.parametrize("asked", REQUESTS)
@pytest.mark.parametrize("keyed", [False, True])
def test_twice_the_lines_take_at_most_twice_the_steps(client: FlaskClient, asked: str, keyed: bool):
    def steps_of(many: int) -> int:
        path, body = REQUESTS[asked](many)
        headers = {"Idempotency-Key": f"key-{many}"} if keyed else {}
        return steps(lambda: client.post(path, json=body, headers=headers))

    steps_of(1)
    assert steps_of(MANY) <= 2.1 * steps_of(FEW)


@pytest.mark.parametrize("ending", ["commit", "release"])
@pytest.mark.parametrize("in_part", [False, True])
def test_ending_a_hold_of_twice_the_lines_takes_at_most_twice_the_steps(
    client: FlaskClient, ending: str, in_part: bool
):
    def steps_of(many: int) -> int:
        body = {"lines": lines(many, storeId="store-1")}
        path = f"/reservations/{client.post('/reservations', json=body).json['reservationId']}/{ending}"
        named = {"json": body, "headers": {"Idempotency-Key": f"key-{many}"}} if in_part else {}
        return steps(lambda: client.post(path, **named))

    steps_of(1)
    assert steps_of(MANY) <= 2.1 * steps_of(FEW)


@pytest.mark.parametrize("asked", ["atomic adjusted", "atomic reserved", "transfer", "hold"])
def test_writing_down_twice_the_lines_takes_at_most_twice_the_steps(
    client: FlaskClient, ledger: MemoryLedger, asked: str
):
    def steps_of(many: int) -> int:
        path, body = REQUESTS[asked](many)
        client.post(path, json=body)
        return steps(lambda: encode(ledger.events[-1], GENESIS))

    assert steps_of(MANY) <= 2.1 * steps_of(FEW)
