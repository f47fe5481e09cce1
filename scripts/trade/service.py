"""A careful client: every change has a key, and is sent again under it until there is an answer."""

import http.client
import json
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

_PATIENCE_SECONDS = 60.0
_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


class GaveUp(Exception):
    """The service did not answer, or refused everything, for a minute."""


class Answer(NamedTuple):
    """What the service said. ``body`` is its JSON."""

    status: int
    body: Any


class Service:
    """One deployment. For many threads: each has a connection of its own."""

    def __init__(self, url: str) -> None:
        """:param url: such as http://127.0.0.1:3000, or with https and a path in front of a proxy."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL such as http://127.0.0.1:3000")
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._root = parts.hostname, parts.port, parts.path.rstrip("/")
        self._own = threading.local()

    def get(self, path: str) -> Answer:
        """Ask."""
        return self._until_answered("GET", path, None, {})

    def change(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Change something, once, however often it has to be sent.

        :raises GaveUp: it is not known whether it was done; the same key finds out later.
        """
        return self._until_answered(method, path, body, {"Idempotency-Key": key or str(uuid4())})

    def _until_answered(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            pause, told = _PAUSE_SECONDS, "no answer"
            try:
                answer, retry_after = self._send(method, path, body, headers)
                if answer.status not in (429, 502, 503, 504):
                    return answer
                pause, told = max(pause, float(retry_after or 0)), f"{answer.status} {answer.body}"
            except (OSError, http.client.HTTPException) as error:
                self._connection().close()
                told = repr(error)
            if time.monotonic() + pause >= until:
                raise GaveUp(f"{method} {path}: {told}")
            time.sleep(pause)

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[Answer, str | None]:
        connection = self._connection()
        data = None if body is None else json.dumps(body).encode()
        named = {**headers, **({"Content-Type": "application/json"} if data is not None else {})}
        connection.request(method, self._root + path, data, named)
        response = connection.getresponse()
        content = response.read()
        is_json = "json" in response.headers.get("Content-Type", "")
        found = json.loads(content) if content and is_json else content.decode(errors="replace")
        return Answer(response.status, found), response.headers.get("Retry-After")

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._make(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        connection: http.client.HTTPConnection = self._own.connection
        return connection
