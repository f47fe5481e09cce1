"""The cost of one SKU in very many stores."""

import statistics
import threading
import time
from pathlib import Path

from costs.api import Client, serving

_STORES = 100_000
_AT_ONCE = 500
_READERS = 16
_SKU = "CUP"
_PATH = f"/inventory/{_SKU}"


def one_sku(checkout: Path, folder: Path) -> dict[str, float]:
    """Making the records, reading all of them, and changes of another SKU beside 16 readers."""
    with serving(checkout, folder) as client:
        client.must("PUT", "/stores/other/inventory/PLATE", {"onHand": 1_000_000})
        took = _fill(client)
        answer = client.ask("GET", _PATH)
        alone = _changes(client, 200)
        ended = threading.Event()
        readers = [
            threading.Thread(target=_read, args=(Client(client.server), ended), daemon=True) for _ in range(_READERS)
        ]
        for reader in readers:
            reader.start()
        beside = _changes(client, 11)
        ended.set()
        for reader in readers:
            reader.join()
    return {
        "first 10,000 stores, s": sum(took[:20]),
        "last 10,000 stores, s": sum(took[-20:]),
        "read, MB": len(answer.body) / 1e6,
        "read, s": answer.seconds,
        "a change alone, p50 ms": alone,
        "a change beside 16 readers, p50 ms": beside,
    }


def _fill(client: Client) -> list[float]:
    took = []
    for start in range(0, _STORES, _AT_ONCE):
        operations = [
            {"op": "count", "storeId": f"store-{number:06d}", "sku": _SKU, "onHand": 5}
            for number in range(start, start + _AT_ONCE)
        ]
        began = time.perf_counter()
        client.must("POST", "/inventory/batch", {"atomic": True, "operations": operations})
        took.append(time.perf_counter() - began)
    return took


def _changes(client: Client, many: int) -> float:
    took = [client.ask("POST", "/stores/other/inventory/PLATE/adjust", {"delta": -1}).seconds for _ in range(many)]
    return statistics.median(took) * 1000


def _read(client: Client, ended: threading.Event) -> None:
    with client:
        while not ended.is_set():
            client.ask("GET", _PATH)
