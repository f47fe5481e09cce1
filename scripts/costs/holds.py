"""The cost of holds with many lines: lists, memory, log."""

import threading
from pathlib import Path

from costs.api import Client, create_records, log_bytes, memory, serving

_HOLDS = 1005
_LINES = 500
_STORE = "berlin-mitte"
_EXTENDS = 100


def _skus() -> list[str]:
    return [f"SKU-{number:04d}" for number in range(_LINES)]


def _hold(client: Client) -> str:
    lines = [{"storeId": _STORE, "sku": sku, "qty": 1} for sku in _skus()]
    made: str = client.must("POST", "/reservations", {"lines": lines})["reservationId"]
    return made


def open_holds(checkout: Path, folder: Path) -> dict[str, float]:
    """One page of 1,000 open holds: bytes, seconds; the worker's memory while 32 clients ask for one at once."""
    with serving(checkout, folder) as client:
        create_records(client, _STORE, _skus(), 1_000_000)
        for _ in range(_HOLDS):
            _hold(client)
        before = memory(client)
        page = client.ask("GET", "/reservations?limit=1000")
        clients = [Client(client.server) for _ in range(32)]
        threads = [
            threading.Thread(target=one.ask, args=("GET", "/reservations?limit=1000"), daemon=True) for one in clients
        ]
        for thread in threads:
            thread.start()
        highest = 0
        while any(thread.is_alive() for thread in threads):
            highest = max(highest, memory(client))
            threads[0].join(0.05)
    return {
        "status of the page": page.status,
        "page, MB": len(page.body) / 1e6,
        "page, s": page.seconds,
        "memory before, MB": before / 1e6,
        "memory with 32 at once, MB": highest / 1e6,
    }


def ended_holds(checkout: Path, folder: Path) -> dict[str, float]:
    """Memory that the worker keeps for each hold that has ended."""
    with serving(checkout, folder) as client:
        create_records(client, _STORE, _skus(), 1_000_000)
        for _ in range(50):
            client.must("POST", f"/reservations/{_hold(client)}/release", {})
        before = memory(client)
        for _ in range(_HOLDS):
            client.must("POST", f"/reservations/{_hold(client)}/release", {})
        after = memory(client)
    return {"memory, MB": (after - before) / 1e6, "an ended hold, bytes": (after - before) / _HOLDS}


def extends(checkout: Path, folder: Path) -> dict[str, float]:
    """Bytes of log for each extend."""
    with serving(checkout, folder) as client:
        create_records(client, _STORE, _skus(), 1_000_000)
        held = _hold(client)
        before = log_bytes(client)
        for _ in range(_EXTENDS):
            client.must("POST", f"/reservations/{held}/extend", {"ttlMs": 600_000})
        after = log_bytes(client)
    return {"log for an extend, bytes": (after - before) / _EXTENDS}
