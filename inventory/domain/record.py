"""The state of one SKU in one store."""

from typing import NamedTuple

from inventory.domain.values import Instant, ItemId


class Policy(NamedTuple):
    """The settings of one record.

    :ivar safety_stock: units that holds must leave alone.
    :ivar low_stock: stock counts as low at this many available units or fewer; ``None``: never.
    """

    safety_stock: int = 0
    low_stock: int | None = None


class Record(NamedTuple):
    """One item after its latest event. Immutable, so any thread may have it.

    :ivar on_hand: units on the shelf.
    :ivar reserved: the units of these that open reservations hold.
    :ivar version: the number of events that have changed this record.
    :ivar sequence: the latest of those events.
    :ivar updated_at: its instant, in microseconds since 1970 UTC.
    :ivar policy: ``None`` if none was set.
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
        """Units that can be sold: never below zero, even if a count was below ``reserved``."""
        return max(0, self.on_hand - self.reserved)

    @property
    def available(self) -> int:
        """Units that a hold may take: ``qty`` without the safety stock."""
        return self.qty if self.policy is None else max(0, self.qty - self.policy.safety_stock)

    @property
    def is_low(self) -> bool:
        """Whether stock is low by the policy of the record."""
        low_stock = None if self.policy is None else self.policy.low_stock
        return low_stock is not None and self.available <= low_stock

    @property
    def oversold_by(self) -> int:
        """Units that are promised, but were missing in a count."""
        return max(0, self.reserved - self.on_hand)
