"""Drift as it is told: the first hundred or 4 MiB, each with both figures, and how many there are."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from inventory.domain.drift import Drift
from inventory.domain.record import Record
from inventory.domain.reservation import EndedHold, Reservation
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.values import ItemId, format_instant
from inventory.eventlog.reservation_json import kept_as_json

SHOWN = 100
SHOWN_BYTES = 4 * 1024 * 1024
"""A reservation may have very many lines, and a SKU very many stores."""


class DriftReport:
    """Collects drift. :ivar count: all there is; :ivar shown: the first of it."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, found: Iterable[Drift], source: str | None = None) -> bool:
        """Add what was found, in the file ``source`` if it was one; returns whether there was any."""
        before = self.count
        for drift in found:
            self.count += 1
            if len(self.shown) < SHOWN and self._bytes < SHOWN_BYTES:
                told = {**_as_json(drift), **({"source": source} if source else {})}
                self._bytes += len(orjson.dumps(told))
                if self._bytes <= SHOWN_BYTES or not self.shown:
                    self.shown.append(told)
        return self.count > before


def _as_json(drift: Drift) -> dict[str, Any]:
    match drift.name:
        case ItemId() as item:
            name = {"storeId": item.store, "sku": item.sku}
        case text:
            name = {"reservationId" if drift.kind == "reservation" else "sku": text}
    return {"kind": drift.kind, **name, "live": _figures(drift.live), "log": _figures(drift.log)}


def _figures(one: Record | Reservation | EndedHold | SkuTotals | int | Sequence[ItemId] | None) -> Any:
    match one:
        case Record():
            return {
                "onHand": one.on_hand,
                "reserved": one.reserved,
                "version": one.version,
                "sequence": one.sequence,
                "updatedAt": format_instant(one.updated_at),
                "safetyStock": one.policy and one.policy.safety_stock,
                "lowStock": one.policy and one.policy.low_stock,
            }
        case Reservation() | EndedHold():
            return {"sequence": one.sequence, **kept_as_json(one)}
        case SkuTotals():
            return {"stores": one.stores, "qty": one.qty, "reserved": one.reserved, "onHand": one.on_hand}
        case int() | None:
            return one
        case items:
            return [item.store for item in items]
