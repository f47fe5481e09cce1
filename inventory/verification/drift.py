"""Drift: the differences between a live state and its log, and how they are reported."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import orjson

from inventory.domain.dead_letter import Break
from inventory.domain.record import Record
from inventory.domain.reservation import EndedHold, Hold, Reservation
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.state import State
from inventory.domain.values import ItemId, format_instant
from inventory.eventlog.reservation_json import kept_as_json

K = TypeVar("K")
V = TypeVar("V")


class Drift(NamedTuple):
    """One difference: what the live state has, and what the fold of the log has; ``None`` for nothing.

    :ivar kind: ``broken`` is the mark of a record with a broken history, ``central`` the entry of a SKU in the central
        view, and ``totals`` the running sums of a SKU in many stores; the figures of the first two are a sequence, and
        the items in their order.
    """

    kind: Literal["record", "reservation", "broken", "central", "totals"]
    name: ItemId | str
    live: Record | Hold | SkuTotals | int | tuple[ItemId, ...] | None
    log: Record | Hold | SkuTotals | int | tuple[ItemId, ...] | None


def drift_between(live: State, log: State) -> Iterator[Drift]:
    """Compare a live state with the fold of its log up to the same event; neither may change meanwhile.

    An ended reservation may be forgotten on either side, and is not reported: nothing depends on it any more.
    """
    for item, has, should in _differing(live.records, log.records):
        yield Drift("record", item, has, should)
    held = {one.reservation_id: one for one in live.reservations.copy()}
    said = {one.reservation_id: one for one in log.reservations.copy()}
    for reservation_id, has_it, should_it in _differing(held, said):
        both = has_it is not None and should_it is not None
        if both or any(isinstance(one, Reservation) for one in (has_it, should_it)):
            yield Drift("reservation", reservation_id, has_it, should_it)
    for item, at, should_at in _differing(live.broken, log.broken):
        if at is None or should_at is None or not _is_less_known(at, should_at):
            yield Drift("broken", item, at and at.sequence, should_at and should_at.sequence)
    for sku, items, should_items in _differing(live.central(), log.central()):
        yield Drift("central", sku, items, should_items)
    for sku, totals, should_totals in _differing(live.running_totals(), log.running_totals()):
        yield Drift("totals", sku, totals, should_totals)


def other_ids(state: State, log: State) -> str | None:
    """Which ledger or timeline a state has instead of that of its log; ``None`` if it has the same."""
    if state.ids == log.ids:
        return None
    return (
        f"is of ledger {state.ledger_id} and timeline {state.timeline_id},"
        f" but the log is of ledger {log.ledger_id} and timeline {log.timeline_id}"
    )


def _is_less_known(one: Break, other: Break) -> bool:
    """Whether two breaks differ only in that the figures before one of them are unknown."""
    return one.sequence == other.sequence and None in (one.before, other.before)


def _differing(live: Mapping[K, V], log: Mapping[K, V]) -> Iterator[tuple[K, V | None, V | None]]:
    for key, should in log.items():
        has = live.get(key)
        if has != should:
            yield key, has, should
    for key, has in live.items():
        if key not in log:
            yield key, has, None


SHOWN = 100
SHOWN_BYTES = 4 * 1024 * 1024
"""A reservation may have very many lines, and a SKU very many stores."""


class DriftReport:
    """Collects drift. :ivar count: all differences. :ivar shown: the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, found: Iterable[Drift], source: str | None = None) -> bool:
        """Add differences, of the file ``source`` if it is one; return whether there were any."""
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
