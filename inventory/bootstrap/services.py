"""What the web, the worker and the commands are given."""

from collections.abc import Callable
from dataclasses import dataclass

from inventory.domain.values import Instant
from inventory.service.ledger import Ledger
from inventory.service.stock import StockService
from inventory.service.sync import Sync
from inventory.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The objects of one process, wired together. ``close`` lets go of every file they hold.

    :ivar now: the clock by which events are stamped and keys end; a moved wall clock does not move it.
    """

    settings: Settings
    ledger: Ledger
    stock: StockService
    sync: Sync
    now: Callable[[], Instant]

    def close(self) -> None:
        """Finish what was submitted and close the log."""
        self.ledger.close()
