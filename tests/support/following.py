"""Followers of the feed: one that polls and one that reads a stream, each until it has seen every expected event."""

import http.client
import threading
from collections.abc import Callable
from typing import Any

import orjson

from support.client import Client
from support.running_server import RunningServer
from support.waiting import until

STREAM = {"Accept": "text/event-stream"}
END = "the end"


class Streamed:
    """One connection that reads a stream of events, line by line."""

    def __init__(self, port: int, after: int = 0, timeout: float = 20.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._connection.request("GET", "/events", headers={**STREAM, "Last-Event-ID": str(after)})
        self._response = self._connection.getresponse()
        self.status = self._response.status

    def event(self) -> dict[str, Any] | None:
        """The next event; ``None`` where the stream has ended as it should."""
        while line := self._response.readline():
            if line.startswith(b"data: "):
                event: dict[str, Any] = orjson.loads(line[6:])
                return event
        return None

    def close(self) -> None:
        self._response.close()
        self._connection.close()


def stream_of(server: RunningServer, worker: int) -> Streamed:
    """A stream that this worker sends, from the first event on. It has begun."""
    client = server.client_of(worker)
    made = Streamed.__new__(Streamed)
    made._connection = client._connection
    made._connection.request("GET", "/events", headers=STREAM)
    made._response = made._connection.getresponse()
    made.status = made._response.status
    return made


class Follower:
    """A thread that collects the events it is told of, up to the one whose reference is ``END``.

    :ivar refused: how often it was told that too many wait.
    """

    def __init__(self, follow: Callable[["Follower"], None]) -> None:
        self.seen: list[dict[str, Any]] = []
        self.refused = 0
        self._wrong: Exception | None = None
        self._follow = follow
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def after(self) -> int:
        """The sequence of the event that it was told of last."""
        return self.seen[-1]["sequence"] if self.seen else 0

    @property
    def is_done(self) -> bool:
        """Whether it has been told of the end."""
        return bool(self.seen) and self.seen[-1]["reference"] == END

    def all_seen(self) -> list[dict[str, Any]]:
        """Wait until it was told of the end; returns everything that it was told. Raises what went wrong in it."""
        until("the follower has seen everything", lambda: not self._thread.is_alive())
        if self._wrong is not None:
            raise self._wrong
        return self.seen

    def _run(self) -> None:
        try:
            while not self.is_done:
                self._follow(self)
        except Exception as error:  # noqa: BLE001 - raised by all_seen
            self._wrong = error


def polling(port: int) -> Follower:
    """Follow by long-poll."""
    client = Client(port)

    def follow(follower: Follower) -> None:
        answer = client.get(f"/events?after={follower.after}&limit=20&wait=20")
        if answer.status == 503 and answer.json["error"] == "overloaded":
            follower.refused += 1
            return
        assert answer.status == 200, answer
        follower.seen += answer.json["items"]
        assert answer.json["nextCursor"] == str(follower.after)

    return Follower(follow)


def streaming(port: int, reconnect_after: int) -> Follower:
    """Follow by streams, each of which is broken off after so many events."""

    def follow(follower: Follower) -> None:
        stream = Streamed(port, follower.after)
        try:
            if stream.status == 503:
                follower.refused += 1
                return
            assert stream.status == 200
            for _ in range(reconnect_after):
                event = stream.event()
                if event is None:
                    return
                follower.seen.append(event)
                if follower.is_done:
                    return
        finally:
            stream.close()

    return Follower(follow)
