"""Clients that change stock without pause, each change under a key of its own, and the account of it."""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from support.client import Answer, Client, Unanswered, adjust, stock
from support.running_server import WORKERS, RunningServer
from support.waiting import until

PLENTY = 1_000_000


class Change(NamedTuple):
    key: str
    sku: str
    delta: int


class Account:
    """What was sent, by what became of it: confirmed, refused for certain, or unknown.

    ``confirmed_at`` says when, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.confirmed_at: dict[Change, float] = {}
        self.confirmed: dict[Change, dict[str, Any]] = {}
        self.refused: dict[Change, dict[str, Any]] = {}
        self.unknown: list[Change] = []

    def note(self, change: Change, answer: Answer) -> None:
        if answer.status == 200:
            self.confirmed_at[change] = time.monotonic()
            self.confirmed[change] = answer.json
            return
        assert answer.status == 503, answer
        if answer.json["outcome"] == "unknown":
            self.unknown.append(change)
        else:
            self.refused[change] = answer.json

    def longest_pause(self) -> float:
        """The longest time in seconds between two confirmed changes."""
        moments = sorted(self.confirmed_at.values())
        return max((later - moment for moment, later in pairwise(moments)), default=0.0)

    def settle(self, client: Client) -> None:
        """Repeat what is unknown with its key, as a careful client does: it is confirmed then."""
        while self.unknown:
            change = self.unknown.pop()
            answer = adjust(client, change.sku, change.delta, change.key)
            assert answer.status == 200, answer
            self.confirmed[change] = answer.json


def account_on(server: RunningServer, skus: Sequence[str]) -> Account:
    """Stock each SKU with plenty; returns an account of the changes to come."""
    with server.client() as client:
        for sku in skus:
            stock(client, sku, PLENTY)
    return Account()


class Load:
    """Sixteen clients on one or more servers. ``stop`` raises what went wrong in any of them."""

    def __init__(
        self,
        servers: Sequence[RunningServer],
        account: Account,
        name: str,
        skus: Sequence[str],
        clients: int = 16,
        *,
        persistent: bool,
        spread: bool = True,
    ) -> None:
        """Begin.

        :param persistent: connect again after a failure and repeat the change; else that client gives up.
        :param spread: over all workers, which must be there; else whichever takes a connection has it.
        """
        self.account = account
        self._name, self._skus, self._persistent = name, skus, persistent
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        # Every second one on another server, and there on another worker.
        places = [(servers[number % len(servers)], number // len(servers)) for number in range(clients)]
        connections = [
            server.client_of(server.workers()[turn % WORKERS]) if spread else server.client() for server, turn in places
        ]
        self._clients = [self._pool.submit(self._run, *numbered) for numbered in enumerate(connections)]

    def until_confirmed(self, many: int) -> None:
        """Wait until so many more changes were confirmed than when this was called."""
        goal = len(self.account.confirmed) + many
        until(f"{many} confirmed changes", lambda: len(self.account.confirmed) >= goal or self.has_failed())

    def stop(self) -> None:
        self.let_end()
        self.join()

    def let_end(self) -> None:
        """Send nothing more; returns at once."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until every client has given up or was stopped."""
        self._pool.shutdown()
        for client in self._clients:
            client.result()

    def has_failed(self) -> bool:
        return any(client.done() and client.exception() for client in self._clients)

    def _run(self, number: int, connection: Client) -> None:
        random = Random(f"{self._name}-{number}")
        with connection as client:
            sent = 0
            while not self._stopping.is_set():
                change = Change(f"{self._name}-{number}-{sent}", random.choice(self._skus), random.choice((-2, -1, 3)))
                sent += 1
                if not self._send(client, change):
                    return

    def _send(self, client: Client, change: Change) -> bool:
        try:
            self.account.note(change, adjust(client, change.sku, change.delta, change.key))
        except Unanswered:
            if not self._persistent:
                self.account.unknown.append(change)
                return False
            until(f"an answer to {change.key}", lambda: self._sent_again(client, change), pause=0.02)
        return True

    def _sent_again(self, client: Client, change: Change) -> bool:
        try:
            self.account.note(change, adjust(client, change.sku, change.delta, change.key))
        except Unanswered:
            return False
        return True


@contextmanager
def under_load(*servers: RunningServer, account: Account, name: str, skus: Sequence[str]) -> Iterator[Load]:
    """Persistent clients for the ``with`` block."""
    load = Load(servers, account, name, skus, persistent=True)
    try:
        yield load
    finally:
        load.stop()


def logged_lines(data_dir: Path) -> list[dict[str, Any]]:
    """The event log as it is on disk, with what is in the archive; servers may move segments there meanwhile."""
    segments = {}
    for path in (data_dir / "events").glob("*.jsonl"):
        # Moved since it was listed: it is in the archive, which is read afterwards.
        with suppress(FileNotFoundError):
            segments[f"{path.name}.gz"] = path.read_bytes()
    archived = {path.name: gzip.decompress(path.read_bytes()) for path in (data_dir / "archive").glob("*.jsonl.gz")}
    # A process that was killed while it compacted leaves a segment in both.
    segments = archived | segments
    return [json.loads(line) for _, content in sorted(segments.items()) for line in content.splitlines()]


def assert_exactly_once(data_dir: Path, account: Account, read: Callable[[str], dict[str, Any]]) -> None:
    """Check that every confirmed change is in the log once, as it was answered, and nothing else of the load is.

    And that no event of the log's whole history is missing, those in the archive included.

    :param read: returns the record of a SKU as the service has it now.
    """
    assert not account.unknown
    lines = logged_lines(data_dir)
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1)), "a part of the history is missing"
    events = {line["idempotency"]["key"]: line for line in lines if line.get("idempotency")}
    times = Counter(line["idempotency"]["key"] for line in lines if line.get("idempotency"))
    assert [key for key, many in times.items() if many > 1] == []
    confirmed = {change.key: answer for change, answer in account.confirmed.items()}
    assert confirmed.keys() - events.keys() == set(), "confirmed, and lost"
    assert events.keys() - confirmed.keys() == set(), "in the log, and never confirmed"
    for key, answer in confirmed.items():
        line = events[key]["lines"][0]
        assert (line["sku"], line["version"], line["onHand"]) == (answer["sku"], answer["version"], answer["onHand"])
    for sku in {change.sku for change in account.confirmed}:
        answers = sorted((a["version"], c.delta, a["qty"]) for c, a in account.confirmed.items() if c.sku == sku)
        qty = PLENTY
        for expected, (version, delta, answered) in enumerate(answers, start=2):
            qty += delta
            assert (version, answered) == (expected, qty), f"{sku} does not continue"
        assert read(sku)["qty"] == qty
