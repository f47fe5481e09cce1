"""Requests to the measured server, over one kept connection."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from bench.procfs import resident_bytes
from bench.server import Server, running

_APP = "inventory.web.wsgi:app"
_SECONDS = 300
# Nothing is limited but by what is measured.
_SETTINGS = {"RATE_LIMIT_RPS": "0", "COMMIT_WAIT_MS": "60000", "LOG_LEVEL": "error"}


class Answer(NamedTuple):
    """:ivar seconds: from the first byte sent to the last byte read."""

    status: int
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class Client:
    """One kept connection to one server. ``with`` closes it."""

    server: Server
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read the answer to its end."""
        sent = None if body is None else json.dumps(body).encode()
        started = time.perf_counter()
        self._connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
        answer = self._connection.getresponse()
        read = answer.read()
        return Answer(answer.status, read, time.perf_counter() - started)

    def must(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a 2xx answer. :raises RuntimeError: it was refused."""
        answer = self.ask(method, path, body)
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer.json


@contextmanager
def serving(
    checkout: Path, folder: Path, settings: Mapping[str, str] | None = None, output: Path | None = None
) -> Iterator[Client]:
    """Serve the program of ``checkout`` with one worker, in ``folder``, for the ``with`` block."""
    environment = {**_SETTINGS, **(settings or {})}
    with (
        running(_APP, environment, folder, 1, checkout=checkout, output=output) as server,
        Client(server) as client,
    ):
        yield client


def memory(client: Client) -> int:
    """Bytes of memory that the worker holds."""
    return sum(resident_bytes(client.server.workers))


def log_bytes(client: Client) -> int:
    """Bytes of all files of the event log."""
    return sum(file.stat().st_size for file in (client.server.data_dir / "events").iterdir())


def create_records(client: Client, store: str, skus: list[str], on_hand: int) -> None:
    """Create records, 500 with one request."""
    for start in range(0, len(skus), 500):
        operations = [
            {"op": "count", "storeId": store, "sku": sku, "onHand": on_hand} for sku in skus[start : start + 500]
        ]
        client.must("POST", "/inventory/batch", {"atomic": True, "operations": operations})
