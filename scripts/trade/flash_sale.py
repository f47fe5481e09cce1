"""A flash sale: far more buyers than units, all at once. Exactly the units that there are must be sold."""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

from trade.crowd import crowd
from trade.service import GaveUp, Service


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the sale; returns 0 if exactly what was there was sold, 1 if not or if the service is away."""
    parser = argparse.ArgumentParser(prog="flash_sale.py", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the deployment (default: %(default)s)")
    parser.add_argument("--units", type=_positive, default=500, help="units on sale (default: %(default)s)")
    parser.add_argument("--buyers", type=_positive, default=10_000, help="who want one each (default: %(default)s)")
    parser.add_argument("--clients", type=_positive, default=64, help="buyers at the same time (default: %(default)s)")
    parser.add_argument("--store", default="flash-sale", help="the store that sells; a new SKU is made in it")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked = parser.parse_args(arguments)
    try:
        result = hold_sale(Service(asked.url), asked.store, asked.units, asked.buyers, asked.clients)
    except (GaveUp, ValueError) as error:
        parser.exit(1, f"flash_sale.py: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "stopped; what was held comes back by itself within a minute\n")
    if asked.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")
    return 0 if result["ok"] else 1


def hold_sale(service: Service, store: str, units: int, buyers: int, clients: int) -> dict[str, object]:
    """Make a SKU with ``units``, let ``buyers`` try to buy one each, and compare what was sold with what is left."""
    sku = f"FLASH-{uuid4().hex[:12]}"
    path = f"/stores/{store}/inventory/{sku}"
    made = service.change("PUT", path, {"onHand": units, "reason": "flash sale"})
    if made.status != 201:
        raise GaveUp(f"the SKU could not be made: {made.status} {made.body}")

    def buy(number: int) -> str:
        wanted = {"lines": [{"storeId": store, "sku": sku, "qty": 1}], "ttlMs": 60_000, "reference": f"buyer-{number}"}
        held = service.change("POST", "/reservations", wanted)
        if held.status != 201:
            return str(held.body["error"])
        paid = service.change("POST", f"/reservations/{held.body['reservationId']}/commit")
        return "sold" if paid.status == 200 else str(paid.body["error"])

    started = time.monotonic()
    ends = Counter(crowd(buy, range(buyers), clients, "buyers"))
    seconds = time.monotonic() - started
    record = service.get(path).body
    sold, expected = ends.pop("sold", 0), min(units, buyers)
    is_right = sold == expected and record["onHand"] == units - sold and record["reserved"] == 0
    return {
        "ok": is_right and set(ends) <= {"insufficient_stock"},
        "units": units,
        "sold": sold,
        "left": record["onHand"],
        "stillHeld": record["reserved"],
        "refused": dict(ends),
        "seconds": round(seconds, 2),
        "buyersPerSecond": round(buyers / seconds),
    }


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
