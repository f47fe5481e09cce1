"""What tests of imports start from: rows, a ledger, a clock, and imports that can be broken off."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from inventory.cli.import_rows import Importing, ImportNoteFile, Numbered
from inventory.cli.stock_csv import StockRow
from inventory.domain.record import Policy
from inventory.service.ports.change_queue import Outcome
from inventory.service.stock import StockService
from support.given import WRITER, Clock, OneByOne, item

TTL_MS = WRITER.key_ttl_ms
AT_ONCE, SPAN = 5, 20
TOTAL = SPAN + AT_ONCE + 2


def rows(total: int = TOTAL, policy: Policy | None = None) -> list[Numbered]:
    return [Numbered(n, n + 1, StockRow(item(f"sku-{n}"), n, policy, None, None)) for n in range(1, total + 1)]


class RefusedTicket(NamedTuple):
    """A place in the queue of a change that is refused."""

    error: Exception

    def wait(self) -> Outcome:
        raise self.error


class World:
    """A ledger, a clock, and imports that can be broken off."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.ledger = OneByOne(WRITER, self.clock)
        self.stock = StockService(self.ledger)
        self.notes = ImportNoteFile(folder / "imports", "digest")
        self.refused: list[int] = []
        self.pauses: list[float] = []

    def run(self, given: Iterable[Numbered], total: int = TOTAL, *, again: bool = False) -> Importing:
        importing = Importing(
            self.stock,
            self.ledger,
            TTL_MS,
            refuse=lambda line, _: self.refused.append(line),
            sleep=self.pauses.append,
        )
        importing.run(given, total, "digest", self.notes, again=again)
        return importing

    def broken_off(self, after: int, total: int = TOTAL) -> None:
        """Killed when so many rows have been read."""

        def until_then() -> Iterable[Numbered]:
            yield from rows(total)[:after]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.run(until_then(), total)

    def fail(self, monkeypatch: pytest.MonkeyPatch, error: Exception, sku: str, times: int) -> None:
        """The ledger refuses what is submitted for one SKU, so many times."""
        submit, left = self.ledger.submit, [error] * times

        def failing(entities, decide, key=None, weight=1):
            if entities[0].sku == sku and left:
                return RefusedTicket(left.pop())
            return submit(entities, decide, key)

        monkeypatch.setattr(self.ledger, "submit", failing)
