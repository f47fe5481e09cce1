"""The port: how a ledger is, what time it has, and which of its records are broken."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inventory.domain.dead_letter import Break
from inventory.domain.values import Instant, ItemId
from inventory.service.quotas import Sizes


class LedgerStatus(NamedTuple):
    """How the ledger is. ``read_only`` says why changes are refused; ``None`` where they are not.

    :ivar action: what the operator has to do; ``None`` where nothing is to be done.
    :ivar sequence: the latest event that is committed; :ivar durable: the latest that survives a power cut.
    :ivar broken: how many records have a history that does not add up.
    :ivar sizes: how much there is of what has a quota.
    """

    sequence: int
    durable: int
    read_only: str | None
    broken: int
    action: str | None = None
    sizes: Sizes = Sizes()


class BrokenItem(NamedTuple):
    """A record whose history does not add up, and the event that broke it."""

    item: ItemId
    at: Break


class LedgerHealth(Protocol):
    """What is asked of a ledger that may be unable to do anything else."""

    def status(self) -> LedgerStatus:
        """How the ledger is, without waiting for anything."""

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        """Up to ``limit`` broken records, by the sequence of the event that broke them, then by item."""

    def now(self) -> Instant:
        """The clock that events are stamped with. Nobody can set it back, and it waits for nothing."""
