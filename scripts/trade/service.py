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
_AGAIN = (408, 429, 502, 503, 504)
_CONTENDED = ("lock_contended", "lock_lost")
"""The status of these is a setting of the service."""


class GaveUp(Exception):
    """The service did not answer, or refused everything, for as long as we are patient; or answered nonsense."""


class Answer(NamedTuple):
    """What the service said. ``body`` is its JSON, or its text where it is none."""

    status: int
    body: Any

    @property
    def error(self) -> str:
        """The code of a problem, or the bare status of what is none."""
        code = self.body.get("error") if isinstance(self.body, dict) else None
        return str(code or f"HTTP {self.status}")

    def __str__(self) -> str:
        text = self.body.get("message", self.body) if isinstance(self.body, dict) else self.body
        return f"{self.error}: {text}"


class Service:
    """One deployment. For many threads: each has a connection of its own."""

    def __init__(self, url: str, patience: float = _PATIENCE_SECONDS, pause: float = _PAUSE_SECONDS) -> None:
        """
        :param url: such as http://127.0.0.1:3000, or with https and a path in front of a proxy.
        :param patience: for how many seconds one request is tried; :param pause: at least so long between two tries.
        :raises ValueError: it is no URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL such as http://127.0.0.1:3000")
        self.url = url
        self.sent_again = 0
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._root = parts.hostname, parts.port, parts.path.rstrip("/")
        self._patience, self._pause = patience, pause
        self._own = threading.local()
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    def require(self) -> None:
        """Ask once whether there is such a service. :raises GaveUp: there is none."""
        try:
            answer, _ = self._send("GET", "/health", None, {})
        except (OSError, http.client.HTTPException) as error:
            raise GaveUp(f"no service answers at {self.url}: {error}") from error
        if answer.status != 200 or not isinstance(answer.body, dict) or answer.body.get("status") != "ok":
            raise GaveUp(f"what answers at {self.url} is not this service: {answer}")

    def stop(self) -> None:
        """End every wait: a request that has no answer yet is given up."""
        self._stopped.set()

    def get(self, path: str) -> Answer:
        """Ask."""
        return self._until_answered("GET", path, None, {})

    def change(
        self, method: str, path: str, body: Any = None, key: str | None = None, if_match: str | None = None
    ) -> Answer:
        """Change something, once, however often it has to be sent.

        :param if_match: only a record of this version, as ``"7"``.
        :raises GaveUp: it is not known whether it was done; the same key finds out later.
        """
        headers = {"Idempotency-Key": key or str(uuid4()), **({"If-Match": if_match} if if_match else {})}
        return self._until_answered(method, path, body, headers)

    def _until_answered(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        until = time.monotonic() + self._patience
        while True:
            pause = self._pause
            try:
                answer, retry_after = self._send(method, path, body, headers)
                if answer.status not in _AGAIN and answer.error not in _CONTENDED:
                    return answer
                pause, told = max(pause, retry_after), str(answer)
            except (OSError, http.client.HTTPException) as error:
                self._connection().close()
                told = f"no answer: {error!r}"
            if time.monotonic() + pause >= until or self._stopped.wait(pause):
                raise GaveUp(f"{method} {path}: {told}")
            with self._guard:
                self.sent_again += 1

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[Answer, float]:
        connection = self._connection()
        data = None if body is None else json.dumps(body).encode()
        named = {**headers, **({"Content-Type": "application/json"} if data is not None else {})}
        connection.request(method, self._root + path, data, named)
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status, _read(content)), _seconds(response.headers.get("Retry-After", ""))

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._make(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        connection: http.client.HTTPConnection = self._own.connection
        return connection


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")[:200]


def _seconds(retry_after: str) -> float:
    # A proxy may send a date (RFC 9110 section 10.2.3); our own pause does then.
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
