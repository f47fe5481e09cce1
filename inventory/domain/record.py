"""The state of one SKU in one store."""

from typing import NamedTuple

from inventory.domain.values import Instant, ItemId


class Record(NamedTuple):
    """What is known of one item after its latest event. Immutable, so it may be handed to any thread.

    :ivar on_hand: units that are there.
    :ivar reserved: units of those that are promised to somebody.
    :ivar version: how many events have changed this record.
    :ivar sequence: the latest of those events.
    :ivar updated_at: its instant, in microseconds since 1970 UTC.
    """

    item: ItemId
    on_hand: int
    reserved: int
    version: int
    sequence: int
    updated_at: Instant

    @property
    def qty(self) -> int:
        """Units that can be sold: never below zero, whatever was counted."""
        return max(0, self.on_hand - self.reserved)
