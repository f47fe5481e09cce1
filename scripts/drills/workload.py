"""The load before a power cut: every kind of change, each under a key, and a record of what was confirmed."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, NamedTuple

from bench.traffic import STORE, sku_name

SKUS = 40
OTHER_STORE = "store-2"
_TIMEOUT_SECONDS = 10.0
_HOLDS_KEPT = 20
_LASTING_MS, _SHORT_MS = 3_600_000, 400
Outcome = Literal["confirmed", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changes something. ``operations`` is how many events it makes, each under a key of its own."""

    kind: str
    key: str
    method: str
    path: str
    body: Any
    operations: int = 0


class Answered(NamedTuple):
    """What came of a change, and when by the monotonic clock; ``body`` is the answer to the byte."""

    status: int
    body: bytes
    at: float


@dataclass(slots=True)
class Account:
    """Every change that was ever sent, by its key."""

    sent: dict[str, Change] = field(default_factory=dict)
    confirmed: dict[str, Answered] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def note(self, change: Change, answer: Answered | None) -> Outcome:
        """Enter what came of it; ``None`` is no answer."""
        self.unknown.discard(change.key)
        outcome = outcome_of(answer)
        if outcome == "confirmed" and answer is not None:
            self.confirmed[change.key] = answer
        else:
            (self.unknown if outcome == "unknown" else self.refused).add(change.key)
        return outcome

    def kinds(self) -> Counter[str]:
        """How many of each kind are confirmed."""
        return Counter(self.sent[key].kind for key in self.confirmed)


def outcome_of(answer: Answered | None) -> Outcome:
    """Whether the change has happened, as far as a client can tell."""
    if answer is None:
        return "unknown"
    if answer.status < 300:
        return "confirmed"
    if answer.status < 500:
        return "refused"
    return "refused" if json.loads(answer.body).get("outcome") == "none" else "unknown"


class Connection:
    """A kept-alive connection to the server, for one thread."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)

    def send(self, change: Change) -> Answered | None:
        """Send it once; ``None`` without an answer."""
        body = None if change.body is None else json.dumps(change.body).encode()
        headers = {"Idempotency-Key": change.key, **({} if body is None else {"Content-Type": "application/json"})}
        try:
            self._http.request(change.method, change.path, body, headers)
            response = self._http.getresponse()
            return Answered(response.status, response.read(), time.monotonic())
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def get(self, path: str) -> Any:
        """What a GET is answered, as JSON. :raises OSError: nothing."""
        self._http.request("GET", path)
        return json.loads(self._http.getresponse().read())

    def close(self) -> None:
        """Give it back."""
        self._http.close()


class Clients:
    """So many clients at work until they are told to stop, or the server stops answering."""

    def __init__(self, port: int, account: Account, name: str, count: int) -> None:
        self._stop = threading.Event()
        self._account = account
        self._threads = [
            threading.Thread(target=self._run, args=(Connection(port), _Choice(f"{name}-{number}")))
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def let_end(self) -> None:
        """Send nothing more after what is under way."""
        self._stop.set()

    def join(self) -> None:
        """Wait until all have ended: their connections must have broken, or they must have been told."""
        for thread in self._threads:
            thread.join()

    def _run(self, connection: Connection, choice: "_Choice") -> None:
        while not self._stop.is_set():
            change = choice.next()
            self._account.sent[change.key] = change
            answer = connection.send(change)
            # Single steps on dicts and sets, which no other thread sees half done.
            self._account.note(change, answer)
            choice.learn(change, answer)
            if answer is None:
                break
        connection.close()


class _Choice:
    """What one client does next; seeded, so that the same answers lead to the same requests."""

    def __init__(self, name: str) -> None:
        self._name, self._random, self._sent = name, Random(name), 0
        self._holds: list[tuple[str, list[dict[str, Any]]]] = []

    def next(self) -> Change:
        """Choose a change, and a new key for it."""
        self._sent += 1
        often = (self._adjust, self._hold, self._part)
        make = self._random.choice((*often, *often, self._extend, self._end, self._transfer, self._batch))
        return make(f"{self._name}-{self._sent}")

    def learn(self, change: Change, answer: Answered | None) -> None:
        """Remember a hold that was made, to change it later."""
        if change.kind == "hold" and answer is not None and answer.status == 201:
            self._holds.append((json.loads(answer.body)["reservationId"], change.body["lines"]))
            del self._holds[:-_HOLDS_KEPT]

    def _skus(self, count: int) -> list[str]:
        return [sku_name(number) for number in self._random.sample(range(SKUS), count)]

    def _adjust(self, key: str) -> Change:
        path = f"/stores/{STORE}/inventory/{self._skus(1)[0]}/adjust"
        return Change("adjust", key, "POST", path, {"delta": self._random.choice((-2, -1, 3))})

    def _hold(self, key: str) -> Change:
        lines = [{"storeId": STORE, "sku": sku, "qty": self._random.randint(2, 4)} for sku in self._skus(3)]
        # Every fourth one ends by itself soon, and is swept.
        ends = self._random.choice((_LASTING_MS, _LASTING_MS, _LASTING_MS, _SHORT_MS))
        return Change("hold", key, "POST", "/reservations", {"lines": lines, "ttlMs": ends})

    def _extend(self, key: str) -> Change:
        if not self._holds:
            return self._hold(key)
        name, _ = self._random.choice(self._holds)
        return Change("extend", key, "POST", f"/reservations/{name}/extend", {"ttlMs": _LASTING_MS})

    def _part(self, key: str) -> Change:
        if not self._holds:
            return self._hold(key)
        name, lines = self._random.choice(self._holds)
        act = self._random.choice(("commit", "release"))
        body = {"lines": [{**self._random.choice(lines), "qty": 1}]}
        return Change(f"{act} of a part", key, "POST", f"/reservations/{name}/{act}", body)

    def _end(self, key: str) -> Change:
        if not self._holds:
            return self._hold(key)
        name, _ = self._holds.pop(self._random.randrange(len(self._holds)))
        act = self._random.choice(("commit", "release"))
        return Change(act, key, "POST", f"/reservations/{name}/{act}", None)

    def _transfer(self, key: str) -> Change:
        lines = [{"sku": sku, "qty": 1} for sku in self._skus(2)]
        return Change("transfer", key, "POST", "/transfers", {"from": STORE, "to": OTHER_STORE, "lines": lines})

    def _batch(self, key: str) -> Change:
        atomic = self._random.choice((True, False))
        operations: Sequence[dict[str, Any]] = [
            {"op": "adjust", "storeId": STORE, "sku": sku, "delta": self._random.choice((-1, 1))}
            for sku in self._skus(3)
        ]
        kind = "atomic batch" if atomic else "batch"
        body = {"atomic": atomic, "operations": operations}
        return Change(kind, key, "POST", "/inventory/batch", body, 0 if atomic else len(operations))
