"""What the tests of the web layer build their apps from."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from inventory.domain.errors import Unavailable
from inventory.domain.values import Instant
from inventory.memory.ledger import MemoryLedger
from inventory.service.ports.change_queue import refusing
from inventory.settings import Settings
from inventory.wiring.resilience import wiring
from inventory.wiring.services import Services
from support.dead_letters import MemoryLetters
from support.given import OneByOne
from support.views import MemoryViews

NOW = Instant(1_767_225_600_000_000)
NOW_TEXT = "2026-01-01T00:00:00.000000Z"
RECORD = "/stores/store-1/inventory/sku-1"
ADJUST = f"{RECORD}/adjust"
RESERVE = f"{RECORD}/reserve"


FOUND_NOTHING = {"ok": True, "checkedSequence": 7, "fromSequence": 1, "drift": [], "driftCount": 0, "problems": []}


class StillAudit:
    """Finds nothing, at once; or says why it cannot be done."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def run(self) -> dict[str, Any]:
        if self._error is not None:
            raise self._error
        return FOUND_NOTHING


def make_services(
    ledger: Any = None,
    views: Any = None,
    since_boot: Callable[[], int] | None = None,
    letters: Any = None,
    audit: Any = None,
    wall: Callable[[], int] = lambda: NOW,
    **settings: Any,
) -> Services:
    ledger = ledger if ledger is not None else MemoryLedger(now=lambda: NOW)
    views = views if views is not None else MemoryViews()
    letters = letters if letters is not None else MemoryLetters()
    wired = wiring(Settings(**settings), since_boot, wall=wall)
    return wired.services(ledger, views, letters, audit=audit or StillAudit())


def wrong_fields(response: Any) -> list[str]:
    return sorted(problem["field"] for problem in response.json["errors"])


class FailingLedger(OneByOne):
    """A ledger that answers every change, or every read, with one error."""

    def __init__(self, change: Exception | None = None, read: Exception | None = None) -> None:
        super().__init__(now=lambda: NOW)
        self.change, self.read = change, read

    def submit(self, entities: Sequence[Any], decide: Any, key: Any = None, weight: int = 1) -> Any:
        if self.change is None:
            return super().submit(entities, decide, key, weight)
        ticket = super().submit(entities, refusing(self.change), key, weight)
        # As of a change that the store fails: nothing is told of its key.
        if isinstance(self.change, Unavailable):
            self.change.key_looked_up = False
        return ticket

    def record(self, item: Any) -> Any:
        if self.read is not None:
            raise self.read
        return super().record(item)


def json_lines(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
