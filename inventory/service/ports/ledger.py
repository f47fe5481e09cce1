"""The ports of an engine together: what the composition root is given, and hands to each service in parts."""

from typing import Protocol

from inventory.service.ports.change_queue import ChangeQueue
from inventory.service.ports.event_history import EventHistory
from inventory.service.ports.health import LedgerHealth
from inventory.service.ports.stock_reads import HoldReads, StockReads


class Ledger(ChangeQueue, StockReads, HoldReads, LedgerHealth, Protocol):
    """An engine that keeps the log: in memory, on files. No client is told of anything that a power cut could undo."""

    @property
    def history(self) -> EventHistory:
        """Its events."""

    def close(self) -> None:
        """Finish what was submitted and let go of every file."""
