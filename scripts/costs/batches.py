"""The cost of an atomic batch of 1,000 operations."""

import statistics
from pathlib import Path
from typing import Any

from costs.api import Client, create_records, serving

_OPERATIONS = 1000
_RECORDS = 500
_STORE = "berlin-mitte"
_ROUNDS = 9


def atomic(checkout: Path, folder: Path) -> dict[str, float]:
    """The whole answer to a batch of adjusts, and to one of reserves."""
    with serving(checkout, folder) as client:
        create_records(client, _STORE, [f"SKU-{number:04d}" for number in range(_RECORDS)], 1_000_000)
        adjusts, reserves = [], []
        for _ in range(_ROUNDS):
            adjusts.append(_batch(client, {"op": "adjust", "delta": 1}))
            reserves.append(_batch(client, {"op": "reserve", "qty": 1}))
    adjusting, reserving = statistics.median(adjusts), statistics.median(reserves)
    return {
        "1,000 adjusts, ms": adjusting * 1000,
        "1,000 reserves, ms": reserving * 1000,
        "reserves / adjusts": reserving / adjusting,
    }


def _batch(client: Client, operation: dict[str, Any]) -> float:
    operations = [
        {**operation, "storeId": _STORE, "sku": f"SKU-{number % _RECORDS:04d}"} for number in range(_OPERATIONS)
    ]
    answer = client.ask("POST", "/inventory/batch", {"atomic": True, "operations": operations})
    if answer.status != 200:
        raise RuntimeError(f"a batch was refused: {answer.status} {answer.body[:300]!r}")
    return answer.seconds
