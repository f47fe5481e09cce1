"""An app with a clock that is moved by hand, and stock of some SKUs."""

from typing import Any

from flask.testing import FlaskClient

from inventory.memory.ledger import MemoryLedger
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring.resilience import wiring
from support.apps import NOW
from support.dead_letters import MemoryLetters
from support.given import Clock
from support.views import MemoryViews


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
