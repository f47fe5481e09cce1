"""The port: where the views are published, and what all processes know about that."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from inventory.domain.values import Instant
from inventory.service.ports.stock_reads import StockWalk


class SyncStatus(NamedTuple):
    """What was published last, over all processes.

    :ivar sequence: everything up to it is in the published files; -1 before the first pass.
    :ivar at: when that was; 0 before the first pass.
    :ivar took_ms: how long that pass took.
    :ivar failures: passes that failed since the marks were made.
    :ivar tried_at: when a pass last failed; 0 if none did.
    """

    sequence: int
    at: Instant
    took_ms: int
    failures: int
    tried_at: Instant = Instant(0)


class Views(Protocol):
    """Where the views are published, and what all processes know about that."""

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """Take the publish lock for the ``with`` block; gives False where another process kept it."""

    def publish(self, stock: StockWalk) -> None:
        """Replace the published files. :raises StorageUnavailable: they are as they were."""

    def status(self) -> SyncStatus:
        """What was published last."""

    def note(self, status: SyncStatus) -> None:
        """Tell every process of a pass. Called with the publish lock held."""
