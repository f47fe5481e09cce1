"""The port: the status of a ledger, its clock, and its broken records."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inventory.domain.dead_letter import Break
from inventory.domain.values import Instant, ItemId
from inventory.service.quotas import Sizes


class LedgerStatus(NamedTuple):
    """The status of the ledger. ``read_only`` says why changes are refused; ``None`` if they are accepted.

    :ivar action: what the operator has to do; ``None`` if there is nothing to do.
    :ivar sequence: the latest committed event. :ivar durable: the latest event that survives a power cut.
    :ivar broken: the number of records with a broken history.
    :ivar sizes: the sizes that have a quota.
    """

    sequence: int
    durable: int
    read_only: str | None
    broken: int
    action: str | None = None
    sizes: Sizes = Sizes()


class BrokenItem(NamedTuple):
    """A record with a broken history, and the event that broke it."""

    item: ItemId
    at: Break


class LedgerHealth(Protocol):
    """What a ledger can tell even if it can do nothing else."""

    def status(self) -> LedgerStatus:
        """The status of the ledger, without waiting."""

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        """Up to ``limit`` broken records, by the sequence of the event that broke them, then by item."""

    def now(self) -> Instant:
        """The clock that stamps events. It never goes back, and does not wait."""
