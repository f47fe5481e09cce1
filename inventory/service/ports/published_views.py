"""The port: the published views, and their status over all processes."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from inventory.domain.values import Instant
from inventory.service.ports.stock_reads import StockWalk


class SyncStatus(NamedTuple):
    """What was published last, over all processes.

    :ivar sequence: the published files contain everything up to this event; -1 before the first pass.
    :ivar at: when they were published; 0 before the first pass.
    :ivar took_ms: how long that pass took.
    :ivar failures: the number of failed passes since the shared header was created.
    :ivar tried_at: when a pass last failed; 0 if none did.
    """

    sequence: int
    at: Instant
    took_ms: int
    failures: int
    tried_at: Instant = Instant(0)


class Views(Protocol):
    """The published views, and their status over all processes."""

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """Hold the publish lock for the ``with`` block; give ``False`` if another process kept it."""

    def publish(self, stock: StockWalk) -> None:
        """Replace the published files. :raises StorageUnavailable: they are unchanged."""

    def status(self) -> SyncStatus:
        """What was published last."""

    def note(self, status: SyncStatus) -> None:
        """Record a pass for every process. The caller holds the publish lock."""
