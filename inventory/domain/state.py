"""``State`` and ``fold``: the whole state, and how the next event changes it."""

from typing import NamedTuple

from inventory.domain.dead_letter import SETTLEMENTS, Break, BrokenRecord, figures_of
from inventory.domain.events import LEDGER_RESTORED, Event, continues, record_after
from inventory.domain.key_table import KeyTable
from inventory.domain.record import Record
from inventory.domain.reservation import Hold
from inventory.domain.reservation_table import ReservationTable
from inventory.domain.sku_stock import SkuTotals, SortedNames, WideSku
from inventory.domain.values import Instant, ItemId

FEW = 64
"""A read visits up to this many items of a SKU at once; for a SKU with more, stores and sums are maintained."""


class LedgerIds(NamedTuple):
    """Which ledger this is, and which timeline of it; both ``None`` before the first event.

    Sequences and versions can be compared only within one timeline.

    :ivar ledger_id: the id of the first event of the log.
    :ivar timeline_id: the id of the latest ``LEDGER_RESTORED`` event; the ledger id before the first one.
    """

    ledger_id: str | None = None
    timeline_id: str | None = None


class State:
    """The fold of the log up to ``sequence``: records, the central view by SKU, used keys.

    Looking up one record or one SKU is safe while another thread folds (records are immutable and a dict look-up is
    atomic). Listing is not: its caller holds the lock that guards the fold.

    :ivar ledger_id: see ``LedgerIds``, as for ``timeline_id``.
    :ivar broken: records with a broken history → the first event that did not continue it.
    :ivar items_of_sku: the first ``FEW`` items of every SKU. :ivar wide: stores and sums of SKUs with more.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.last_at = Instant(0)
        self.ledger_id: str | None = None
        self.timeline_id: str | None = None
        self.records: dict[ItemId, Record] = {}
        self.broken: dict[ItemId, Break] = {}
        self.keys = KeyTable()
        self.reservations = ReservationTable()
        self.store_names = SortedNames()
        self.skus_of_store: dict[str, SortedNames] = {}
        self.items_of_sku: dict[str, tuple[ItemId, ...]] = {}
        self.wide: dict[str, WideSku] = {}

    @property
    def ids(self) -> LedgerIds:
        """Which ledger and which timeline the events up to here belong to."""
        return LedgerIds(self.ledger_id, self.timeline_id)

    def record(self, item: ItemId) -> Record | None:
        """Return one record, or ``None`` if no event has named it."""
        return self.records.get(item)

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        """Return a record with the break in its history, or ``None`` if there is no break."""
        at = self.broken.get(item)
        return None if at is None else BrokenRecord(self.records[item], at)

    def held_of(self, item: ItemId) -> int:
        """Return how many units of an item open reservations hold."""
        return self.reservations.held_of(item)

    def reservation(self, reservation_id: str) -> Hold | None:
        """Return one reservation, or ``None`` if none is remembered under this id."""
        return self.reservations.get(reservation_id)

    def central(self) -> dict[str, tuple[ItemId, ...]]:
        """The central view: all items of every SKU, in the order of their first events."""
        found = dict(self.items_of_sku)
        found.update((sku, tuple(wide.items)) for sku, wide in self.wide.items())
        return found

    def running_totals(self) -> dict[str, SkuTotals]:
        """The maintained sums of every SKU in many stores."""
        return {sku: wide.totals for sku, wide in self.wide.items()}

    def forget(self, now: Instant, hold_keep_ms: int) -> None:
        """Forget expired keys, and reservations that ended ``hold_keep_ms`` ago. No decision on stock needs them."""
        self.keys.forget_expired(now)
        self.reservations.forget_ended(Instant(now - hold_keep_ms * 1000))

    def restore(self, record: Record) -> None:
        """Enter a record of a snapshot."""
        self.records[record.item] = record
        self.file_new(record)

    def file_new(self, record: Record) -> None:
        """Enter the first record of an item into the indexes; it is already in ``records``."""
        item = record.item
        skus = self.skus_of_store.get(item.store)
        if skus is None:
            skus = self.skus_of_store[item.store] = SortedNames()
            self.store_names.add(item.store)
        skus.add(item.sku)
        known = self.items_of_sku.get(item.sku, ())
        if len(known) < FEW:
            self.items_of_sku[item.sku] = (*known, item)
        elif item.sku in self.wide:
            self.wide[item.sku].add(record)
        else:
            self.wide[item.sku] = WideSku([*(self.records[one] for one in known), record])


# Taken apart by position in `fold`: the order must not change unseen.
assert " ".join(Event._fields) == ("sequence event_id type at node note lines reservation key_use delivery synced step")  # noqa: S101


def fold(state: State, event: Event, position: int) -> None:
    """Apply one event to ``state``. Refuses nothing: an old log always replays.

    A line that does not continue its record still sets its figures, and marks the record broken. A settlement whose
    line does continue it removes the mark. Figures come from lines alone, whatever the type.

    :param position: the place of the event in its log, to find it again by its key.
    """
    records = state.records
    sequence, event_id, kind, at, _, _, lines, reservation, use, delivery, _, step = event
    for line in lines:
        item = line.item
        before = records.get(item)
        if not continues(line, before):
            state.broken.setdefault(item, Break(sequence, figures_of(before)))
        elif state.broken and kind in SETTLEMENTS:
            state.broken.pop(item, None)
        records[item] = after = record_after(line, sequence, at)
        if before is None:
            # After the record, so that a reader that finds an item in an index always finds its record.
            state.file_new(after)
        elif state.wide and (wide := state.wide.get(item.sku)) is not None:
            wide.replace(before, after)
    if reservation is not None:
        state.reservations.put(reservation)
    elif step is not None:
        state.reservations.step(event, step)
    elif not lines and kind == LEDGER_RESTORED:
        state.timeline_id = event_id
    if use is not None:
        state.keys.remember(use.key, at, use.expires_at, position)
        if use.part_of is not None:
            state.keys.remember(use.part_of, at, use.expires_at, position)
    if delivery is not None:
        state.keys.remember_delivery(delivery, position)
    if sequence == 1:
        state.ledger_id = state.timeline_id = event_id
    state.sequence = sequence
    state.last_at = at
