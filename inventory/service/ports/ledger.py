"""The ports of an engine together, which the composition root passes to the services in parts."""

from typing import Protocol

from inventory.service.ports.change_queue import ChangeQueue
from inventory.service.ports.event_history import EventHistory
from inventory.service.ports.health import LedgerHealth
from inventory.service.ports.stock_reads import HoldReads, StockReads


class StockLedger(ChangeQueue, StockReads, Protocol):
    """What changes and reads of records need."""


class HoldLedger(ChangeQueue, HoldReads, Protocol):
    """What changes and reads of reservations need."""


class WalkedLedger(StockReads, LedgerHealth, Protocol):
    """What publishing needs."""


class Ledger(ChangeQueue, StockReads, HoldReads, LedgerHealth, Protocol):
    """An engine: in memory, on files. Everything that it returns to a client survives a power cut."""

    @property
    def history(self) -> EventHistory:
        """The events of the ledger."""

    def close(self) -> None:
        """Finish submitted changes and close every file."""
