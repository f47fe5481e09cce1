"""The port: the status of a ledger, its clock, and its broken records."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inventory.domain.dead_letter import Break
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant, ItemId
from inventory.service.quotas import Sizes


class Engine(NamedTuple):
    """The implementation of the ledger. ``log_format``: the highest format that it writes; 0 without a log on disk."""

    name: str
    log_format: int


class LedgerStatus(NamedTuple):
    """The status of the ledger. ``read_only`` says why changes are refused; ``None`` if they are accepted.

    :ivar action: what the operator has to do; ``None`` if there is nothing to do.
    :ivar sequence: the latest committed event. :ivar durable: the latest event that survives a power cut.
    :ivar broken: the number of records with a broken history.
    :ivar sizes: the sizes that have a quota.
    :ivar ids: which ledger and timeline it is; both ``None`` while no event is durable, or if the log was not read.
    """

    sequence: int
    durable: int
    read_only: str | None
    broken: int
    action: str | None = None
    sizes: Sizes = Sizes()
    ids: LedgerIds = LedgerIds()


class BrokenItem(NamedTuple):
    """A record with a broken history, and the event that broke it."""

    item: ItemId
    at: Break


class LedgerHealth(Protocol):
    """What a ledger can tell even if it can do nothing else."""

    @property
    def engine(self) -> Engine:
        """Which implementation this is."""

    def status(self) -> LedgerStatus:
        """The status of the ledger, without waiting."""

    def broken(self, limit: int) -> Sequence[BrokenItem]:
        """Up to ``limit`` broken records, by the sequence of the event that broke them, then by item."""

    def now(self) -> Instant:
        """The clock that stamps events. It never goes back, and does not wait."""
