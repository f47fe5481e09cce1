"""Replay orders: each is a hold of all its lines and then a commit, or a refusal that names every short line.

STOCK has the columns storeId, sku, onHand (and lowStock), ORDERS reference, sku, qty. The stock is counted in first;
at the end, for each SKU, stock must be start - sold, and the service must find no drift in its own books.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from trade.crowd import crowd
from trade.files import BadFile, Order, StockRow, read_orders, read_stock
from trade.service import GaveUp, Service

_SHOWN = 10


class End(NamedTuple):
    """What became of an order: ``sold`` by SKU, or the lines that were ``short``, or another ``error``."""

    order: Order
    sold: Counter[str]
    short: tuple[str, ...] = ()
    error: str | None = None


class Replay:
    """One run. Keys carry its name, so that a run that was broken off goes on under the same name."""

    def __init__(self, service: Service, stock: Sequence[StockRow], run: str) -> None:
        self._service = service
        self._stock = stock
        self._run = run
        self._store_of = {row.sku: row.store for row in stock}

    def count_in(self, row: StockRow) -> None:
        """State what is there."""
        path, key = f"/stores/{row.store}/inventory/{row.sku}", f"{self._run}/stock/{row.store}/{row.sku}"
        answer = self._service.change("PUT", path, {"onHand": row.on_hand, "reason": "replay"}, key)
        if answer.status not in (200, 201):
            raise GaveUp(f"{row.sku}: {answer.status} {answer.body}")
        if row.low_stock is not None:
            self._service.change("PUT", f"{path}/policy", {"lowStock": row.low_stock}, f"{key}/policy")

    def place(self, order: Order) -> End:
        """Hold all lines of an order, and commit them."""
        unknown = [sku for sku, _ in order.lines if sku not in self._store_of]
        if unknown:
            return End(order, Counter(), error=f"not in the stock file: {', '.join(unknown)}")
        lines = [{"storeId": self._store_of[sku], "sku": sku, "qty": qty} for sku, qty in order.lines]
        key = f"{self._run}/order/{order.reference}"
        held = self._service.change("POST", "/reservations", {"lines": lines, "reference": order.reference}, key)
        if held.status == 409 and held.body["error"] == "insufficient_stock":
            return End(order, Counter(), short=tuple(line["sku"] for line in held.body["lines"]))
        if held.status != 201:
            return End(order, Counter(), error=f"{held.status} {held.body}")
        path = f"/reservations/{held.body['reservationId']}/commit"
        paid = self._service.change("POST", path, None, f"{key}/commit")
        if paid.status != 200:
            return End(order, Counter(), error=f"{paid.status} {paid.body}")
        sold: Counter[str] = Counter()
        for line in paid.body["lines"]:
            sold[line["sku"]] += line["committed"]
        return End(order, sold)

    def wrong_books(self, sold: Counter[str]) -> list[str]:
        """Every SKU whose stock is not what it was less what was sold."""
        wrong = []
        for row in self._stock:
            record = self._service.get(f"/stores/{row.store}/inventory/{row.sku}").body
            if record["onHand"] != row.on_hand - sold[row.sku]:
                wrong.append(f"{row.sku}: {row.on_hand} - {sold[row.sku]} sold, and {record['onHand']} are there")
        return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a replay; returns 0 if the books agree, 1 if they do not or the service is away."""
    parser = argparse.ArgumentParser(
        prog="replay.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    example = Path(__file__).parent / "example"
    parser.add_argument("stock", type=Path, nargs="?", default=example / "stock.csv", help="default: a small example")
    parser.add_argument("orders", type=Path, nargs="?", default=example / "orders.csv", help="default: its orders")
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the deployment (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="orders at the same time (default: %(default)s)")
    parser.add_argument("--run", default=f"replay-{uuid4().hex[:12]}", help="name a run that is to be gone on with")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked = parser.parse_args(arguments)
    try:
        result = replayed(Service(asked.url), read_stock(asked.stock), read_orders(asked.orders), asked)
    except (BadFile, GaveUp, ValueError) as error:
        parser.exit(1, f"replay.py: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"stopped; go on with --run {asked.run}\n")
    if asked.json:
        print(json.dumps(result))
    else:
        _print(result)
    return 0 if result["ok"] else 1


def replayed(
    service: Service, stock: Sequence[StockRow], orders: Sequence[Order], asked: argparse.Namespace
) -> dict[str, object]:
    """Count the stock in, place every order, and compare."""
    replay = Replay(service, stock, asked.run)
    crowd(replay.count_in, stock, asked.clients, "stock")
    ends = crowd(replay.place, orders, asked.clients, "orders")
    sold: Counter[str] = sum((end.sold for end in ends), Counter())
    audit = service.get("/audit/verify")
    books = replay.wrong_books(sold)
    errors = [f"{end.order.reference}: {end.error}" for end in ends if end.error]
    refused = [end for end in ends if end.short]
    return {
        "ok": not books and not errors and audit.status == 200 and bool(audit.body["ok"]),
        "orders": len(orders),
        "sold": sum(1 for end in ends if end.sold),
        "unitsSold": sold.total(),
        "refused": len(refused),
        "shortLines": sum(len(end.short) for end in refused),
        "shortMost": dict(Counter(sku for end in refused for sku in end.short).most_common(_SHOWN)),
        "wrongBooks": books,
        "errors": errors,
        "audit": audit.body,
    }


def _print(result: dict[str, object]) -> None:
    for name, value in result.items():
        print(f"{name}: {value}")
