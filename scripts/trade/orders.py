"""Placing orders: a hold of all lines, then a commit, each under a key that the run and the order make."""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from trade.files import Order, StockRow
from trade.service import Answer, GaveUp, Service

_HOLD_MS = 3_600_000
"""As long as the service remembers keys by default: who goes on in time pays for the first hold; else it comes back."""


_NO_VERSION = f'"{2**53 - 1}"'
"""No record ever gets there."""


class End(NamedTuple):
    """What became of an order: ``sold`` by SKU, or every line that was ``short``, or an ``error``.

    :ivar short: as the service names them: ``{storeId, sku, requested, available}``.
    """

    order: Order
    sold: Counter[str]
    short: Sequence[dict[str, Any]] = ()
    error: str | None = None


class Replay:
    """One run. Keys carry its name, so that a run that was broken off goes on under the same name."""

    def __init__(self, service: Service, stock: Sequence[StockRow], run: str) -> None:
        self._service = service
        self._run = run
        self._store_of = {row.sku: row.store for row in stock}

    def was_counted_in(self, row: StockRow) -> bool:
        """Whether this run has counted it in before, as far as the service remembers; changes nothing."""
        # A key is looked at before the version: only what is remembered under it is answered with a record.
        return self._count(row, _NO_VERSION).status in (200, 201)

    def count_in(self, row: StockRow) -> None:
        """State what is there.

        :raises GaveUp: the service does not take it.
        """
        path = _record(row)
        self._require(row, self._count(row))
        if row.low_stock is not None:
            policy, key = {"lowStock": row.low_stock}, self._key("policy", row.store, row.sku)
            self._require(row, self._service.change("PUT", f"{path}/policy", policy, key))

    def place(self, order: Order) -> End:
        """Hold all lines of an order, and commit them."""
        unknown = [sku for sku, _ in order.lines if sku not in self._store_of]
        if unknown:
            return End(order, Counter(), error=f"not in the stock file: {', '.join(unknown)}")
        lines = [{"storeId": self._store_of[sku], "sku": sku, "qty": qty} for sku, qty in order.lines]
        wanted = {"lines": lines, "ttlMs": _HOLD_MS, "reference": order.reference}
        held = self._service.change("POST", "/reservations", wanted, self._key("order", order.reference))
        if held.status == 409 and held.error == "insufficient_stock":
            return End(order, Counter(), short=held.body["lines"])
        if held.status != 201:
            return End(order, Counter(), error=str(held))
        path = f"/reservations/{held.body['reservationId']}/commit"
        paid = self._service.change("POST", path, None, self._key("commit", order.reference))
        if paid.status != 200:
            return End(order, Counter(), error=str(paid))
        sold: Counter[str] = Counter()
        for line in paid.body["lines"]:
            sold[line["sku"]] += line["committed"]
        return End(order, sold)

    def wrong(self, row: StockRow, sold: Counter[str]) -> str | None:
        """Say it if what is there is not what was there less what was sold."""
        record = self._service.get(_record(row))
        self._require(row, record)
        there = record.body["onHand"]
        if there == row.on_hand - sold[row.sku]:
            return None
        return f"{row.sku}: {row.on_hand} - {sold[row.sku]} sold, and {there} are there"

    def _count(self, row: StockRow, if_match: str | None = None) -> Answer:
        body, key = {"onHand": row.on_hand, "reason": "replay"}, self._key("stock", row.store, row.sku)
        return self._service.change("PUT", _record(row), body, key, if_match)

    def _key(self, *parts: str) -> str:
        # A reference may be any text; a key may not.
        return f"{self._run}/{blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"

    def _require(self, row: StockRow, answer: Answer) -> None:
        if answer.status not in (200, 201):
            raise GaveUp(f"{row.sku} in {row.store}: {answer}")


def _record(row: StockRow) -> str:
    return f"/stores/{row.store}/inventory/{row.sku}"
