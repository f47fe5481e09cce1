"""One sequence of requests for each version of the program, and the answers in which two versions differ."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from support.client import Answer, Client, record_path

BULK = 100
"""Records of the first events, which have no key that would keep them from the archive."""
HEADERS = ("content-type", "etag", "location", "idempotent-replayed", "retry-after")
_PASSING = {"lagMs", "publishedAt", "tookMs", "ageMs", "syncAgeMs", "nextCursor", "oldestSequence"}
"""Members that tell of the moment, not of the ledger."""
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Said(NamedTuple):
    """A request and its answer. ``named`` are headers of the request."""

    about: str
    method: str
    path: str
    body: Any
    named: dict[str, str]
    answer: Answer

    @property
    def key(self) -> str | None:
        return self.named.get("Idempotency_Key")


class Talk:
    """What was said with one server, in order."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.said: list[Said] = []

    def ask(self, about: str, method: str, path: str, body: Any = None, **named: str) -> Answer:
        """Ask once, and note it. A header's name is written with underscores."""
        number = f"request-{len(self.said)}"
        answer = self._client.request(method, path, body, X_Request_Id=number, **named)
        self.said.append(Said(about, method, path, body, named, answer))
        return answer

    def done(self, about: str, method: str, path: str, body: Any = None, **named: str) -> Any:
        """Ask for what must be carried out; returns the JSON."""
        answer = self.ask(about, method, path, body, **named)
        assert answer.status in (200, 201), (about, answer)
        return answer.json


def fill(talk: Talk, compact: Callable[[], None]) -> None:
    """Some hundred events without keys, each hundred followed by a snapshot: the first ones move to the archive."""
    for turn in range(1, 4):
        counts = [{"op": "count", "storeId": "bulk", "sku": f"B-{n}", "onHand": turn * 10} for n in range(BULK)]
        talk.done("bulk", "POST", "/inventory/batch", {"atomic": False, "operations": counts})
        compact()


def _line(sku: str, qty: int, store: str = "berlin") -> dict[str, Any]:
    return {"storeId": store, "sku": sku, "qty": qty}


def trade(talk: Talk, *, only_format_2: bool = False) -> None:
    """Each kind of change under a key of its own, and each kind of refusal.

    :param only_format_2: no extend and no partial commit or release, whose lines a newer format writes otherwise.
    """
    for sku in ("MUG", "LAMP", "CUP"):
        talk.done("record made", "PUT", record_path(sku, "berlin"), {"onHand": 50}, Idempotency_Key=f"make-{sku}")
    mug = record_path("MUG", "berlin")
    talk.done("adjust", "POST", f"{mug}/adjust", {"delta": -3, "reason": "sold"}, Idempotency_Key="sale-1")
    talk.done("adjust at a version", "POST", f"{mug}/adjust", {"delta": 1}, Idempotency_Key="sale-2", If_Match='"2"')
    talk.done("count", "PUT", mug, {"onHand": 47, "countedAtVersion": 2}, Idempotency_Key="count-1")
    talk.done("policy", "PUT", f"{mug}/policy", {"safetyStock": 2, "lowStock": 60}, Idempotency_Key="policy-1")
    talk.done("reserve", "POST", f"{mug}/reserve", {"qty": 4, "ttlMs": 3_600_000}, Idempotency_Key="hold-1")
    _holds(talk, only_format_2)
    moved = {"from": "berlin", "to": "hamburg", "lines": [{"sku": "MUG", "qty": 5}, {"sku": "CUP", "qty": 6}]}
    talk.done("transfer", "POST", "/transfers", moved, Idempotency_Key="van-1")
    operations = [
        {"op": "adjust", "storeId": "berlin", "sku": "LAMP", "delta": -1},
        {"op": "reserve", "storeId": "hamburg", "sku": "CUP", "qty": 1},
    ]
    for atomic in (True, False):
        batch = {"atomic": atomic, "operations": operations}
        talk.done(f"batch, atomic {atomic}", "POST", "/inventory/batch", batch, Idempotency_Key=f"batch-{atomic}")
    _refused(talk, mug)


def _holds(talk: Talk, only_format_2: bool) -> None:
    several = [_line("MUG", 2), _line("LAMP", 3), _line("CUP", 1)]
    for name in ("whole", "given-back", "open", "parts"):
        body = {"lines": several, "reference": f"order-{name}"}
        made = talk.done("hold", "POST", "/reservations", body, Idempotency_Key=f"hold-{name}")
        path = f"/reservations/{made['reservationId']}"
        match name:
            case "whole":
                talk.done("commit", "POST", f"{path}/commit", None, Idempotency_Key="commit-whole")
                talk.ask("release of what was committed", "POST", f"{path}/release")
            case "given-back":
                talk.done("release", "POST", f"{path}/release", None, Idempotency_Key="release-given-back")
            case "parts" if not only_format_2:
                talk.done("extend", "POST", f"{path}/extend", {"ttlMs": 7_200_000}, Idempotency_Key="extend-1")
                for act in ("commit", "release"):
                    part = {"lines": [_line("LAMP", 1)]}
                    talk.done(f"{act} of a part", "POST", f"{path}/{act}", part, Idempotency_Key=f"{act}-part")
                talk.ask("more than is held", "POST", f"{path}/commit", {"lines": [_line("LAMP", 9)]}, If_Match='"4"')
        talk.ask("a hold", "GET", path)


def _refused(talk: Talk, mug: str) -> None:
    talk.ask("more than there is", "POST", f"{mug}/adjust", {"delta": -9000})
    talk.ask("more than may be held", "POST", f"{mug}/reserve", {"qty": 9000})
    talk.ask("a stale version", "POST", f"{mug}/adjust", {"delta": 1}, If_Match='"1"')
    talk.ask("another request under a key", "POST", f"{mug}/adjust", {"delta": 2}, Idempotency_Key="sale-1")
    talk.ask("no such record", "POST", f"{record_path('NONE', 'berlin')}/adjust", {"delta": 1})
    talk.ask("unknown members", "POST", f"{mug}/adjust", {"delta": "x", "wrong": 1})
    talk.ask("not an object", "POST", f"{mug}/adjust", "{")
    talk.ask("no such path", "GET", "/nothing")
    talk.ask("no such method", "DELETE", mug)
    talk.ask("holds of unknown records", "POST", "/reservations", {"lines": [_line("NONE", 1), _line("MUG", 9000)]})
    talk.ask("short lines", "POST", "/reservations", {"lines": [_line("MUG", 9000), _line("CUP", 9000)]})


def look(talk: Talk) -> None:
    """Each kind of read."""
    mug = record_path("MUG", "berlin")
    version = talk.ask("record", "GET", mug).headers["etag"]
    talk.ask("record, not modified", "GET", mug, If_None_Match=version)
    talk.ask("record as it was", "GET", f"{mug}?asOfSequence=305")
    talk.ask("record before the log", "GET", f"{mug}?asOf=2020-01-01T00:00:00Z")
    talk.ask("no such record", "GET", record_path("NONE", "berlin"))
    talk.ask("history", "GET", f"{mug}/history")
    talk.ask("history in the archive", "GET", f"{record_path('B-7', 'bulk')}/history")
    talk.ask("record out of the archive", "GET", f"{record_path('B-7', 'bulk')}?asOfSequence=150")
    for path in ("/stores?limit=2", "/stores", "/stores/bulk/inventory?limit=3", "/stores/berlin/inventory?prefix=M"):
        talk.ask("list", "GET", path)
    for path in ("/inventory/MUG", "/central/inventory/MUG", "/inventory/NONE", "/central/inventory/NONE"):
        talk.ask("SKU over all stores", "GET", path)
    for path in ("/reservations", "/reservations?state=held", "/reservations?reference=order-whole&limit=100"):
        talk.ask("list of holds", "GET", path)
    talk.ask("feed", "GET", "/events?after=0&limit=5")
    talk.ask("feed", "GET", "/events?after=300&limit=1000")
    talk.ask("dead letters", "GET", "/dead-letters?state=dead")
    talk.ask("wrong query", "GET", "/events?after=x")


def assert_replayed(said: Sequence[Said], client: Client) -> None:
    """Ask everything again that was carried out under a key: each answer is the first one to the byte."""
    keyed = [one for one in said if one.key is not None and one.answer.status < 300]
    assert len(keyed) > 10
    for one in keyed:
        again = client.request(one.method, one.path, one.body, **one.named)
        assert (again.status, again.body, again.replayed) == (one.answer.status, one.answer.body, True), one.about
        for name in ("etag", "location"):
            assert again.headers.get(name) == one.answer.headers.get(name), one.about


def differences(before: Sequence[Said], now: Sequence[Said]) -> list[str]:
    """What the second talk was told otherwise than the first: statuses, headers, members that are gone or changed.

    Members and headers that are new are none: clients pass over what they do not know. Ids and instants are compared
    by the order in which they come up.
    """
    assert [(one.method, one.about) for one in before] == [(one.method, one.about) for one in now]
    found: list[str] = []
    first, second = _Names(), _Names()
    for one, other in zip(before, now, strict=True):
        told, tells = first.plain(one.answer), second.plain(other.answer)
        found.extend(f"{one.about}: {one.method} {one.path}: {what}" for what in _changed(told, tells, ""))
    return found


class _Names:
    """Names for the ids of a talk, which are random."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def plain(self, answer: Answer) -> dict[str, Any]:
        """An answer as plain values, without what differs between any two servers."""
        headers = {name: self._named(answer.headers[name]) for name in HEADERS if name in answer.headers}
        body = json.loads(self._named(answer.body.decode())) if answer.body else None
        return {"status": answer.status, "headers": headers, "body": body}

    def _named(self, text: str) -> str:
        text = _IDS.sub(lambda found: self._names.setdefault(found[0], f"id {len(self._names)}"), text)
        return _INSTANTS.sub("an instant", text)


def _changed(before: Any, now: Any, at: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            if name not in now:
                yield f"{at}/{name} is gone"
            elif name not in _PASSING:
                yield from _changed(value, now[name], f"{at}/{name}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _changed(one, other, f"{at}/{number}")
    elif before != now:
        yield f"{at} was {before!r}, is {now!r}"
