"""The app over a log of small segments on disk, whose oldest segments may be archived or deleted."""

from pathlib import Path
from typing import Any

from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring import build_services, prepare
from inventory.wiring.services import Services

SKUS = ("a", "b", "c")


class Shop:
    """The app over a log of small segments on disk."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder, segment_bytes=4096, rate_limit_rps=0)
        self.layout = Layout(folder)
        self._start()
        for sku in SKUS:
            self.client.put(f"/stores/s/inventory/{sku}", json={"onHand": 10_000})

    def _start(self) -> None:
        prepare(self.settings)
        self.services: Services = build_services(self.settings)
        self.client = create_app(self.services).test_client()

    def restart(self) -> None:
        self.services.close()
        self._start()

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(path, headers=headers, **({} if body is None else {"json": body}))

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def hold(self, *skus: str, reference: str | None = None) -> str:
        lines = [{"storeId": "s", "sku": sku, "qty": 4} for sku in skus or SKUS]
        body = {"lines": lines} | ({} if reference is None else {"reference": reference})
        return f"/reservations/{self.post('/reservations', body).json['reservationId']}"

    def fill(self) -> None:
        """Events without holds, until another segment has begun."""
        segments = len(self.layout.segments())
        while len(self.layout.segments()) == segments:
            self.post("/stores/s/inventory/a/adjust", {"delta": 1})

    def archive_all(self) -> list[int]:
        """Take a snapshot, and move every sealed segment to the archive, as compaction does when keys have ended."""
        self.services.maintenance.run_once()
        for segment in self.layout.segments()[:-1]:
            move_to_archive(self.layout, segment, Disk(), RetryPolicy())
        return self.layout.archived_segments()

    def delete(self, segments: list[int]) -> None:
        for segment in segments:
            self.layout.archived(segment).unlink()

    def on_hand(self) -> list[int]:
        return [self.get(f"/stores/s/inventory/{sku}").json["onHand"] for sku in SKUS]
