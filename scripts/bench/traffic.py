"""The requests to a server, as bytes, and the effect of each on the stock."""

import json
from dataclasses import dataclass

START = 1_000_000_000
"""Units of each SKU to begin with: none may run out, a refusal is no confirmed change."""
STORE = "store-1"


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests of one contestant.

    :ivar seed: each is sent once before anything is measured.
    :ivar requests: what is measured; request ``i`` adds ``deltas[i]`` to SKU ``i`` (0 for none).
    :ivar probe: the path that tells whether the server answers.
    """

    seed: tuple[bytes, ...]
    requests: tuple[bytes, ...]
    deltas: tuple[int, ...]
    probe: str


def sku_name(number: int) -> str:
    """The name of a SKU."""
    return f"sku-{number}"


def adjusting(skus: int) -> Traffic:
    """Adjusts, spread over the SKUs."""
    deltas = tuple(-1 - number % 3 for number in range(skus))
    requests = [_request("POST", f"{_path(number)}/adjust", {"delta": delta}) for number, delta in enumerate(deltas)]
    return Traffic(_seed(skus), tuple(requests), deltas, "/health")


def adjusting_one(_: int) -> Traffic:
    """Adjusts, all of the same SKU."""
    return adjusting(1)


def reading(skus: int) -> Traffic:
    """Reads of one record, spread over the SKUs."""
    requests = tuple(_request("GET", _path(number)) for number in range(skus))
    return Traffic(_seed(skus), requests, (0,) * skus, "/health")


def mixed(skus: int) -> Traffic:
    """Four reads to one adjust."""
    reads, adjusts = reading(skus), adjusting(skus)
    changing = [number % 5 == 0 for number in range(skus)]
    requests = [(adjusts if changes else reads).requests[number] for number, changes in enumerate(changing)]
    deltas = [adjusts.deltas[number] if changes else 0 for number, changes in enumerate(changing)]
    return Traffic(_seed(skus), tuple(requests), tuple(deltas), "/health")


def posting_to(view: str, skus: int) -> Traffic:
    """The bodies of ``adjusting``, sent to a view that keeps nothing."""
    requests = [_request("POST", f"/{view}/{STORE}/{sku_name(n)}", {"delta": -1 - n % 3}) for n in range(skus)]
    return Traffic((), tuple(requests), (), f"/{view}/{STORE}/{sku_name(0)}")


def getting_from(view: str, skus: int) -> Traffic:
    """The requests of ``reading``, sent to a view that looks nothing up."""
    paths = [f"/{view}/{STORE}/{sku_name(number)}" for number in range(skus)]
    return Traffic((), tuple(_request("GET", path) for path in paths), (), paths[0])


def _seed(skus: int) -> tuple[bytes, ...]:
    return tuple(_request("PUT", _path(number), {"onHand": START}) for number in range(skus))


def _path(number: int) -> str:
    return f"/stores/{STORE}/inventory/{sku_name(number)}"


def _request(method: str, path: str, body: dict[str, int] | None = None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    text = json.dumps(body, separators=(",", ":"))
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
