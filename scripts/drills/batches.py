"""Batches: single changes of some clients while others send batches of 1,000 reserves, one after the other.

Half of the batches are atomic. None of their clients heeds ``Retry-After``. They reserve in a store of their own, so
that single changes can be checked record by record.
"""

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.driving import drive_with_our_own
from bench.load import Load
from bench.traffic import START, sku_name

from drills.bounds import Bound
from drills.subject import Conditions, Subject, accepted, goodput, subject

SETTINGS: Mapping[str, str] = {"RATE_LIMIT_RPS": "0"}
CONNECTIONS = 16
SENDERS = 16
OPERATIONS = 1000
_STORE = "store-2"
_RECORDS = 500
_PATH = "/inventory/batch"
_HEADERS = {"Content-Type": "application/json"}
_TIMEOUT_SECONDS = 30
_DONE = re.compile(rb'"status":200\b')
_UNKNOWN = re.compile(rb'"outcome":"unknown"')


class LocalCounter:
    """What became of the batches. Senders add to it, each from its own thread.

    :ivar kinds: how many answers of each kind. :ivar reserved: operations that were confirmed.
    :ivar in_doubt: operations whose answer does not say whether they were carried out.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.reserved = 0
        self.in_doubt = 0
        self._guard = threading.Lock()

    def add(self, status: int, body: bytes, retry_after: str | None) -> None:
        """Count an answer."""
        kind = str(status)
        if status in (429, 503) and not (retry_after or "").isdigit():
            kind += " without Retry-After"
        with self._guard:
            self.kinds[kind] += 1
            if status == 200:
                self.reserved += len(_DONE.findall(body))
                self.in_doubt += len(_UNKNOWN.findall(body))
            elif _UNKNOWN.search(body):
                self.in_doubt += OPERATIONS

    def add_broken(self) -> None:
        """Count a connection that ended before the answer."""
        with self._guard:
            self.kinds["broken"] += 1
            self.in_doubt += OPERATIONS

    def unexpected(self) -> int:
        """How many answers were neither a yes nor a refusal that says when to come back. One that broke off is one."""
        return sum(count for kind, count in self.kinds.items() if kind not in ("200", "429", "503"))


@dataclass(frozen=True, slots=True)
class Round:
    """Single changes without the batches, and beside them. :ivar wrong: what was said against what is there."""

    usual: Load
    beside: Load
    batches: Mapping[str, int]
    unexpected: int
    wrong: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        loads = {"usual": asdict(self.usual), "beside": asdict(self.beside)}
        for load in loads.values():
            load.pop("confirmed")
        return {**loads, "batches": dict(self.batches), "wrong": list(self.wrong)}


def rounds(conditions: Conditions) -> Iterator[Round]:
    """Run each round on a server of its own."""
    for number in range(conditions.rounds):
        with subject(conditions, SETTINGS) as under_test:
            plan = under_test.plan(conditions, conditions.connections, seed=number)
            _stock(under_test)
            usual = drive_with_our_own(plan)
            with sending(under_test.server.port) as tally:
                beside = drive_with_our_own(plan)
            # A change that was answered with 503 may have been carried out.
            under_test.loads += [usual, replace(beside, unanswered=beside.unanswered + sum(beside.errors.values()))]
            wrong = [*under_test.contradictions(), *contradictions(reserved(under_test), tally)]
            yield Round(usual, beside, tally.kinds, tally.unexpected(), wrong)


def body_of(number: int) -> bytes:
    """The batch of one sender: atomic for every second one."""
    operations = [
        {"op": "reserve", "storeId": _STORE, "sku": sku_name(place % _RECORDS), "qty": 1} for place in range(OPERATIONS)
    ]
    return json.dumps({"atomic": number % 2 == 0, "operations": operations}, separators=(",", ":")).encode()


@contextmanager
def sending(port: int, senders: int = SENDERS) -> Iterator[LocalCounter]:
    """Send batches without pause inside the ``with`` block; what it gives is complete at its end."""
    tally, stop = LocalCounter(), threading.Event()
    threads = [threading.Thread(target=_send, args=(port, body_of(number), stop, tally)) for number in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _send(port: int, body: bytes, stop: threading.Event, tally: LocalCounter) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    while not stop.is_set():
        try:
            connection.request("POST", _PATH, body, _HEADERS)
            answer = connection.getresponse()
            tally.add(answer.status, answer.read(), answer.getheader("Retry-After"))
        except (OSError, http.client.HTTPException):
            # http.client opens it again with the next request, as it does after Connection: close.
            connection.close()
            tally.add_broken()
    connection.close()


def _stock(under_test: Subject) -> None:
    operations = [
        {"op": "count", "storeId": _STORE, "sku": sku_name(number), "onHand": START} for number in range(_RECORDS)
    ]
    connection = http.client.HTTPConnection("127.0.0.1", under_test.server.port, timeout=_TIMEOUT_SECONDS)
    connection.request("POST", _PATH, json.dumps({"atomic": True, "operations": operations}), _HEADERS)
    status = connection.getresponse().status
    connection.close()
    if status != 200:
        raise ValueError(f"the batches could not be prepared: {status}")


def reserved(under_test: Subject) -> int:
    """How many units are reserved in the store of the batches."""
    page = under_test.ask(f"/stores/{_STORE}/inventory?limit={_RECORDS}")
    return sum(record["reserved"] for record in page["items"])


def contradictions(units: int, tally: LocalCounter) -> list[str]:
    """What is reserved against what was confirmed, and may have been carried out besides."""
    if tally.reserved <= units <= tally.reserved + tally.in_doubt:
        return []
    return [f"{units} units are reserved; {tally.reserved} were confirmed, {tally.in_doubt} are in doubt"]


def verdict(found: Sequence[Round]) -> list[Bound]:
    """Hold the worst round to the bounds."""
    singles = [(accepted(one.beside), one.beside.requests) for one in found]
    share = min(yes.count / asked if asked else float("nan") for yes, asked in singles)
    return [
        Bound("single changes accepted beside the batches", share, 0.95, at_least=True),
        Bound(
            "p99 of accepted single changes",
            max(yes.p99 if yes.count else float("inf") for yes, _ in singles),
            1000,
            "ms",
        ),
        Bound(
            "batches carried out in the round that had fewest",
            min(one.batches.get("200", 0) for one in found),
            1,
            at_least=True,
        ),
        Bound(
            "answers to batches other than 200, or 429 and 503 with Retry-After",
            sum(one.unexpected for one in found),
            0,
        ),
        Bound("contradictions between answers, stock and log", sum(len(one.wrong) for one in found), 0),
    ]


def line(one: Round) -> str:
    """How a round went."""
    usual, beside = (f"{goodput(load):,.0f}/s p99 {accepted(load).p99:.1f} ms" for load in (one.usual, one.beside))
    told = ", ".join(f"{count} × {kind}" for kind, count in sorted(one.batches.items()))
    return f"usual {usual} | beside batches {beside}, {accepted(one.beside).count} of {one.beside.requests} | {told}"
