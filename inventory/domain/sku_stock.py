"""A SKU in many stores: its stores in order, its sums, and reads of it as of one event."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

from inventory.domain.record import Record
from inventory.domain.values import ItemId


class SkuTotals(NamedTuple):
    """Sums over all stores that have a SKU. ``stores``: their number."""

    stores: int = 0
    qty: int = 0
    reserved: int = 0
    on_hand: int = 0


def totals_of(records: Iterable[Record]) -> SkuTotals:
    """The sums over these records."""
    stores = qty = reserved = on_hand = 0
    for record in records:
        stores += 1
        qty += record.qty
        reserved += record.reserved
        on_hand += record.on_hand
    return SkuTotals(stores, qty, reserved, on_hand)


class SkuReading:
    """One read of a SKU in several steps: it keeps the earlier state of what changes in between.

    :ivar before: the records that were replaced since the read began, as they were then, by store; ``None`` for one
        that did not exist.
    """

    __slots__ = ("before",)

    def __init__(self) -> None:
        self.before: dict[str, Record | None] = {}


class WideSku:
    """The stores and sums of a SKU in many stores, so that a read does not have to visit all stores at once.

    Every caller holds the lock that guards the fold.

    :ivar items: in the order of their first events. :ivar stores: their stores by id.
    :ivar readings: the reads in progress.
    """

    __slots__ = ("_on_hand", "_qty", "_reserved", "_stores", "items", "readings", "stores")

    def __init__(self, records: Iterable[Record]) -> None:
        self.items: list[ItemId] = []
        self.stores = SortedNames()
        self.readings: list[SkuReading] = []
        self._stores = self._qty = self._reserved = self._on_hand = 0
        for record in records:
            self.add(record)

    @classmethod
    def as_kept(cls, items: Iterable[ItemId], totals: SkuTotals) -> "WideSku":
        """The sums that another process has kept, for comparison only."""
        kept = cls(())
        kept.items = list(items)
        kept._stores, kept._qty, kept._reserved, kept._on_hand = totals
        return kept

    @property
    def totals(self) -> SkuTotals:
        """The current sums."""
        return SkuTotals(self._stores, self._qty, self._reserved, self._on_hand)

    def add(self, record: Record) -> None:
        """Enter the first record of an item."""
        self.items.append(record.item)
        self.stores.add(record.item.store)
        self._stores += 1
        self._qty += record.qty
        self._reserved += record.reserved
        self._on_hand += record.on_hand
        for reading in self.readings:
            reading.before[record.item.store] = None

    def replace(self, before: Record, after: Record) -> None:
        """Replace the record of an item by the next one."""
        self._qty += after.qty - before.qty
        self._reserved += after.reserved - before.reserved
        self._on_hand += after.on_hand - before.on_hand
        for reading in self.readings:
            reading.before.setdefault(before.item.store, before)


MOST = 1024
"""Names in a chunk; a longer one is split."""


class SortedNames:
    """Distinct names in code point order.

    ``add`` and ``after`` never sort or copy more than two chunks and the result: the fold waits for both.
    """

    __slots__ = ("_chunks", "_firsts", "_length")

    def __init__(self) -> None:
        self._chunks: list[list[str]] = [[]]
        # The first name of each chunk; the first chunk begins with any name.
        self._firsts = [""]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, name: str) -> None:
        """Add a name that is not in it yet."""
        place = bisect_right(self._firsts, name) - 1
        chunk = self._chunks[place]
        insort(chunk, name)
        self._length += 1
        if len(chunk) > MOST:
            # Names that arrive in order leave full chunks.
            cut = MOST if chunk[-1] is name else MOST // 2
            self._chunks.insert(place + 1, chunk[cut:])
            self._firsts.insert(place + 1, chunk[cut])
            del chunk[cut:]

    def after(self, name: str | None, limit: int, prefix: str = "") -> list[str]:
        """Return up to ``limit`` names that begin with ``prefix``, from the first one after ``name``."""
        if name is None or name < prefix:
            place = bisect_right(self._firsts, prefix) - 1
            start = bisect_left(self._chunks[place], prefix)
        else:
            place = bisect_right(self._firsts, name) - 1
            start = bisect_right(self._chunks[place], name)
        found = self._chunks[place][start : start + limit]
        while len(found) < limit and (place := place + 1) < len(self._chunks):
            found += self._chunks[place][: limit - len(found)]
        if found and not found[-1].startswith(prefix):
            found = [candidate for candidate in found if candidate.startswith(prefix)]
        return found
