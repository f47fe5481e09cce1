"""Copies of a state, which later events do not change: the source of snapshots and audits."""

from typing import NamedTuple

from inventory.domain.dead_letter import Break
from inventory.domain.key_table import FiledKeys
from inventory.domain.record import Record
from inventory.domain.reservation_table import HoldCopy
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.state import LedgerIds, State
from inventory.domain.values import Instant, ItemId
from inventory.eventlog.log_reader import Cursor


class Image(NamedTuple):
    """A copy of a state, which later events do not change, and where the log continues after it."""

    cursor: Cursor
    at: Instant
    newer_format: int | None
    ids: LedgerIds
    records: list[Record]
    reservations: HoldCopy
    keys: FiledKeys
    broken: list[tuple[ItemId, Break]]
    central: list[tuple[str, tuple[ItemId, ...]]]
    totals: list[tuple[str, SkuTotals]]


def image_of(state: State, cursor: Cursor, newer_format: int | None) -> Image:
    """Copy a state. The caller holds the lock that guards the fold; records are immutable and are not copied."""
    return Image(
        cursor,
        state.last_at,
        newer_format,
        state.ids,
        list(state.records.values()),
        state.reservations.copy(),
        state.keys.copy(),
        list(state.broken.items()),
        [],
        [],
    )


def image_for_audit(state: State, cursor: Cursor) -> Image:
    """Copy what an audit compares: also the central view and its sums, but no keys. See ``image_of``."""
    return Image(
        cursor,
        state.last_at,
        None,
        state.ids,
        list(state.records.values()),
        state.reservations.copy(),
        FiledKeys(),
        list(state.broken.items()),
        list(state.central().items()),
        list(state.running_totals().items()),
    )
