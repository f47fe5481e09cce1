"""Services on a log that is filled up to a setting's limit, and the cost of each kind of request there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.hold_commands import Command, ReleaseHold, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.eventlog.ledger import FileLedger
from inventory.service.change_overlay import EventStamp
from inventory.service.maintenance import Maintenance
from inventory.service.ports.change_queue import Submission
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring.resilience import quotas_of, wiring
from support.apps import StillAudit
from support.dead_letters import MemoryLetters
from support.folder import Folder
from support.given import deciding, item
from support.steps import StepsOfThreads
from support.views import MemoryViews

HOUR_MS = 3_600_000
PROXY, CLIENT = "10.0.0.1", "198.51.100."


@contextmanager
def client_on(
    root: Path, settings: Settings, steps: int, remembered_ms: int
) -> Iterator[tuple[FlaskClient, StepsOfThreads]]:
    """A client of an app on a log with so many keys and ended reservations, spread over ``remembered_ms``."""
    folder = Folder(root)
    with StepsOfThreads() as counted:
        ledger = folder.start(
            writer=EventStamp(
                "node-1",
                settings.idemp_ttl_ms,
                max(settings.reservation_keep_ms, settings.idemp_ttl_ms),
                quotas_of(settings),
            ),
            segment_bytes=settings.segment_bytes,
        )
    try:
        maintenance = Maintenance(ledger.log_maintenance, ledger.now, settings.snapshot_every_n_events)
        wired = wiring(settings, folder.machine.since_boot)
        services = wired.services(ledger, MemoryViews(), MemoryLetters(), maintenance=maintenance, audit=StillAudit())
        client = create_app(services).test_client()
        client.environ_base["REMOTE_ADDR"] = PROXY
        _fill(folder, ledger, steps, remembered_ms)
        yield client, counted
    finally:
        folder.close()


def costs(client: FlaskClient, counted: StepsOfThreads) -> dict[str, int]:
    """The steps of each kind of request, by its name; each once the caches are warm."""
    numbers = iter(range(10**6))

    def adjust(key: str) -> Any:
        forwarded = {"X-Forwarded-For": f"203.0.113.1, {CLIENT}{next(numbers) % 250}, {PROXY}", "Idempotency-Key": key}
        return client.post("/stores/s-1/inventory/k-1/adjust", json={"delta": 1}, headers=forwarded)

    def batch() -> Any:
        operations = [{"op": "adjust", "storeId": "s-1", "sku": "k-2", "delta": 1}] * 100
        key = {"Idempotency-Key": f"batch-{next(numbers)}"}
        return client.post("/inventory/batch", json={"atomic": False, "operations": operations}, headers=key)

    kinds = {
        "a keyed adjust": lambda: adjust(f"new-{next(numbers)}"),
        "a replay": lambda: adjust("asked-again"),
        "a keyed batch": batch,
        "a hold": lambda: client.post("/stores/s-1/inventory/k-3/reserve", json={"qty": 1}),
        "a read": lambda: client.get("/stores/s-1/inventory/k-1"),
        "a SKU": lambda: client.get("/inventory/k-1"),
        "a list": lambda: client.get("/stores/s-1/inventory"),
        "the feed": lambda: client.get("/events?after=100&limit=30"),
        "one event": lambda: client.get("/events?after=300&limit=1"),
        "a history": lambda: client.get("/stores/s-1/inventory/k-1/history?limit=3"),
        "readiness": lambda: client.get("/health/readiness"),
        "metrics": lambda: client.get("/metrics"),
    }
    found = {}
    for name, send in kinds.items():
        for _ in range(2):
            assert (answer := send()).status_code < 300, (name, answer.text[:300])
        # The committing thread may look for news by itself meanwhile, which belongs to no request.
        found[name] = min(counted.of(send) for _ in range(3))
    return found


def _fill(folder: Folder, ledger: FileLedger, steps: int, remembered_ms: int) -> None:
    here = [item(f"k-{number}", "s-1") for number in range(1, 5)]
    for at in here:
        ledger.submit((at,), deciding(CountStock(at, 1_000_000))).wait()
    for number in range(steps):
        folder.machine.up += remembered_ms * 1000 // steps
        key, held = IdempotencyKey(f"key-{number}", "hash"), f"r-{number}"
        made: list[Command] = [
            AdjustStock(here[0], 1),
            reserve_one(here[3], 1, held),
            ReleaseHold(held, (here[3],)),
        ]
        keys = (key, None, None)
        for ticket in ledger.submit_all(
            [Submission(command.entities, deciding(command), used) for command, used in zip(made, keys, strict=True)]
        ):
            ticket.wait()
