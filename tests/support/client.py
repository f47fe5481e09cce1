"""A small HTTP client that never repeats a request and tells answered requests from unanswered ones."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

JSON = {"Content-Type": "application/json"}


class Unanswered(Exception):
    """The connection failed: the request may or may not have been carried out."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


class Client:
    """One connection, made with the first request and again after a failure; for one thread at a time."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def patient_for(self, seconds: float) -> None:
        """Wait no longer than this for each answer from now on."""
        if self._connection.sock is not None:
            self._connection.sock.settimeout(seconds)

    def connect(self) -> None:
        """Connect, and send nothing."""
        self._connection.connect()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request. A header's name is written with underscores: ``Idempotency_Key``.

        :raises Unanswered: no complete answer came.
        """
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, data, {**(JSON if data is not None else {}), **named})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unanswered(f"{method} {path}: {error!r}") from error
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.request("PUT", path, body, **headers)


def record_path(sku: str, store: str = "store-1") -> str:
    return f"/stores/{store}/inventory/{sku}"


def stock(client: Client, sku: str, on_hand: int, store: str = "store-1") -> dict[str, Any]:
    """Make a record."""
    answer = client.put(record_path(sku, store), {"onHand": on_hand})
    assert answer.status == 201, answer
    return answer.json


def adjust(client: Client, sku: str, delta: int, key: str | None = None) -> Answer:
    named = {} if key is None else {"Idempotency_Key": key}
    return client.post(f"{record_path(sku)}/adjust", {"delta": delta}, **named)
