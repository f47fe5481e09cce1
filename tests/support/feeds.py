"""What tests of the feed start from: apps whose history is partly gone, and streams that are read bit by bit."""

from collections.abc import Iterator
from typing import Any

import orjson
from flask.testing import FlaskClient

from inventory.memory.ledger import MemoryLedger
from support.apps import NOW
from support.partial_history import PartOfHistory

STREAM = {"Accept": "text/event-stream"}


class CompactedLedger(MemoryLedger):
    """A ledger whose first events have left the log, or the archive too."""

    def __init__(self) -> None:
        super().__init__(now=lambda: NOW)
        self.history = self.part = PartOfHistory(self.events, self._state)


class Stream:
    """A stream of events as its reader sees it. It must be closed."""

    def __init__(self, client: FlaskClient, query: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = client.get(f"/events{query}", headers={**STREAM, **named})
        self._bits: Iterator[bytes] = iter(self.response.iter_encoded())

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()

    def comment(self) -> str:
        return next(self._bits).decode()

    def event(self) -> tuple[int, str, dict[str, Any]]:
        """The next one: its id, its type and its data. What is said besides is passed over."""
        while (bit := next(self._bits)).startswith(b":"):
            pass
        named, kind, data, *rest = bit.decode().split("\n")
        assert rest == ["", ""], bit
        return int(named.removeprefix("id: ")), kind.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))

    def rest(self) -> list[str]:
        return [bit.decode() for bit in self._bits]
