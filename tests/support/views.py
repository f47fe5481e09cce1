"""Published views: as a list in memory, and as the files of a data folder."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory.domain.values import Instant
from inventory.service.ports.published_views import SyncStatus
from inventory.service.ports.stock_reads import StockWalk
from support.given import Clock

FILES = ("store-inventory.json", "central-inventory.json")


def published(data_dir: Path) -> int:
    """The sequence that both files have reached; -1 if one is not there yet."""
    files = [data_dir / name for name in FILES]
    return min(json.loads(path.read_bytes())["asOfSequence"] if path.exists() else -1 for path in files)


class MemoryViews:
    """Views that keep what was published. Publishing takes ``takes_ms`` and fails while there is an ``error``.

    :ivar is_free: whether no other process publishes.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.published: list[StockWalk] = []
        self.known = SyncStatus(-1, Instant(0), 0, 0)
        self.takes_ms = 0
        self.error: Exception | None = None
        self.is_free = True
        self.waited: list[int] = []
        self.before_turn: Callable[[], None] = lambda: None

    @contextmanager
    def lock(self, *, wait_ms: int) -> Iterator[bool]:
        self.waited.append(wait_ms)
        self.before_turn()
        yield self.is_free

    def publish(self, snapshot: StockWalk) -> None:
        self.clock.advance(ms=self.takes_ms)
        if self.error is not None:
            raise self.error
        self.published.append(snapshot)

    def status(self) -> SyncStatus:
        return self.known

    def note(self, status: SyncStatus) -> None:
        self.known = status
