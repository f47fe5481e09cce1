"""The state of one SKU in one store."""

from typing import NamedTuple

from inventory.domain.values import Instant, ItemId


class Policy(NamedTuple):
    """What a shop has set for one record.

    :ivar safety_stock: units that holds must leave alone.
    :ivar low_stock: at so many available units, or fewer, stock counts as low; ``None``: never.
    """

    safety_stock: int = 0
    low_stock: int | None = None


class Record(NamedTuple):
    """What is known of one item after its latest event. Immutable, so it may be handed to any thread.

    :ivar on_hand: units that are there.
    :ivar reserved: units of those that are promised to somebody.
    :ivar version: how many events have changed this record.
    :ivar sequence: the latest of those events.
    :ivar updated_at: its instant, in microseconds since 1970 UTC.
    :ivar policy: ``None`` where none was set.
    """

    item: ItemId
    on_hand: int
    reserved: int
    version: int
    sequence: int
    updated_at: Instant
    policy: Policy | None = None

    @property
    def qty(self) -> int:
        """Units that can be sold: never below zero, whatever was counted."""
        return max(0, self.on_hand - self.reserved)

    @property
    def available(self) -> int:
        """Units that a hold may take: what can be sold without the safety stock."""
        return self.qty if self.policy is None else max(0, self.qty - self.policy.safety_stock)

    @property
    def is_low(self) -> bool:
        """Whether few units are available, by the record's policy."""
        low_stock = None if self.policy is None else self.policy.low_stock
        return low_stock is not None and self.available <= low_stock

    @property
    def oversold_by(self) -> int:
        """Units that are promised and were not there when somebody counted."""
        return max(0, self.reserved - self.on_hand)
