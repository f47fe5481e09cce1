"""What tests of the web layer build their apps from, and what they send: changes, batches, holds."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from flask.testing import FlaskClient

from inventory.domain.errors import Unavailable
from inventory.domain.values import Instant
from inventory.memory.ledger import MemoryLedger
from inventory.service.ports.change_queue import refusing
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring.resilience import wiring
from inventory.wiring.services import Services
from support.dead_letters import MemoryLetters
from support.given import Clock, OneByOne
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


BATCH = "/inventory/batch"
KEY = {"Idempotency-Key": "lorry-7"}


def count(sku="sku-1", on_hand=10, **more) -> dict:
    return {"op": "count", "storeId": "store-1", "sku": sku, "onHand": on_hand, **more}


def adjust(delta, sku="sku-1", **more) -> dict:
    return {"op": "adjust", "storeId": "store-1", "sku": sku, "delta": delta, **more}


def reserve(qty, sku="sku-1", **more) -> dict:
    return {"op": "reserve", "storeId": "store-1", "sku": sku, "qty": qty, **more}


def send(client, *operations, atomic=False, headers=None):
    return client.post(BATCH, json={"atomic": atomic, "operations": list(operations)}, headers=headers or {})


def versions(client, *skus) -> list[int | None]:
    answers = [client.get(f"/stores/store-1/inventory/{sku}") for sku in skus]
    return [answer.json.get("version") for answer in answers]


class HoldShop:
    """10 of sku-1 and 5 of sku-2 in store-1."""

    def __init__(self) -> None:
        self.clock = Clock(NOW)
        self.ledger = MemoryLedger(now=self.clock)
        services = wiring(Settings()).services(self.ledger, MemoryViews(), MemoryLetters())
        self.sweep = services.reservations.expire_due
        self.client: FlaskClient = create_app(services).test_client()
        for sku, on_hand in (("sku-1", 10), ("sku-2", 5)):
            self.client.put(f"/stores/store-1/inventory/{sku}", json={"onHand": on_hand})

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """A header's name is written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, **({} if body is None else {"json": body}), headers=named)

    def hold(self, *lines: tuple[str, int], **fields: Any) -> Any:
        return self.post("/reservations", {"lines": lines_of(*lines), **fields})

    def held(self, *lines: tuple[str, int], **fields: Any) -> str:
        """The path of a new reservation."""
        response = self.hold(*(lines or (("sku-1", 4), ("sku-2", 2))), **fields)
        assert response.status_code == 201, response.json
        return f"/reservations/{response.json['reservationId']}"

    def get(self, path: str) -> Any:
        return self.client.get(path).json

    def record(self, sku: str = "sku-1", store: str = "store-1") -> dict[str, Any]:
        return self.get(f"/stores/{store}/inventory/{sku}")


def lines_of(*lines: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"storeId": "store-1", "sku": sku, "qty": qty} for sku, qty in lines]


def told(response: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return response.status_code, response.json["error"]
