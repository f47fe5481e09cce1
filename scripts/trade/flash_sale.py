"""A flash sale: far more buyers than units, all at once. Exactly the available units must be sold.

A new SKU is made for each sale. A buyer holds one unit and pays for it (commit), or is refused. Buyers are sent on
when the service asks them to wait (429, 503) or does not answer: under the same key, so that no buyer buys twice.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from trade.command_line import parser_of, positive, run
from trade.crowd import crowd
from trade.service import GaveUp, Service

_HOLD_MS = 180_000
"""Longer than a buyer tries to pay, so that no hold ends while its buyer still tries."""
_STOPPED = "what is held and not paid for comes back by itself within three minutes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the sale; returns 0 if exactly what was there was sold, 1 if not or if the service is away."""
    parser = parser_of("flash_sale.py", __doc__ or "", 64, "buyers")
    parser.add_argument("--units", type=positive, default=500, help="units on sale (default: %(default)s)")
    parser.add_argument("--buyers", type=positive, default=10_000, help="who want one each (default: %(default)s)")
    parser.add_argument("--store", default="flash-sale", help="the store that sells (default: %(default)s)")
    asked = parser.parse_args(arguments)
    return run(
        parser,
        asked,
        lambda service: hold_sale(service, asked.store, asked.units, asked.buyers, asked.clients),
        in_words,
        _STOPPED,
    )


def hold_sale(service: Service, store: str, units: int, buyers: int, clients: int) -> dict[str, object]:
    """Make a SKU with ``units``, let ``buyers`` try to buy one each, and compare what was sold with what is left."""
    sku = f"FLASH-{uuid4().hex[:12]}"
    path = f"/stores/{store}/inventory/{sku}"
    made = service.change("PUT", path, {"onHand": units, "reason": "flash sale"})
    if made.status != 201:
        raise GaveUp(f"the SKU could not be made: {made}")

    def buy(number: int) -> str:
        line = {"storeId": store, "sku": sku, "qty": 1}
        wanted = {"lines": [line], "ttlMs": _HOLD_MS, "reference": f"buyer-{number}"}
        held = service.change("POST", "/reservations", wanted)
        if held.status != 201:
            return held.error
        paid = service.change("POST", f"/reservations/{held.body['reservationId']}/commit")
        return "sold" if paid.status == 200 else paid.error

    started = time.monotonic()
    ends = Counter(crowd(buy, range(buyers), clients, "buyers", service.stop))
    seconds = time.monotonic() - started
    record = service.get(path)
    if record.status != 200:
        raise GaveUp(f"what is left could not be asked: {record}")
    sold = ends.pop("sold", 0)
    left, held = record.body["onHand"], record.body["reserved"]
    is_right = sold == min(units, buyers) and left == units - sold and held == 0
    return {
        "ok": is_right and set(ends) <= {"insufficient_stock"},
        "sku": sku,
        "units": units,
        "buyers": buyers,
        "sold": sold,
        "refused": dict(ends),
        "left": left,
        "stillHeld": held,
        "sentAgain": service.sent_again,
        "seconds": round(seconds, 2),
        "buyersPerSecond": round(buyers / seconds),
    }


def in_words(result: Mapping[str, Any]) -> list[str]:
    """The result for people."""
    refused = ", ".join(f"{many:,} {why}" for why, many in sorted(result["refused"].items())) or "none"
    sold = "every buyer was sold one unit" if result["left"] else "exactly what there was to sell was sold"
    return [
        f"{result['buyers']:,} buyers, {result['units']:,} units of {result['sku']}",
        f"sold: {result['sold']:,}; refused: {refused}",
        f"in the books: {result['left']:,} on hand, {result['stillHeld']:,} still held",
        f"took {result['seconds']} s, {result['buyersPerSecond']:,} buyers/s; "
        f"{result['sentAgain']:,} requests were sent again",
        f"ok: {sold}, and the books agree" if result["ok"] else "NOT OK: sold, left and refused do not agree",
    ]
