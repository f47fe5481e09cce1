"""Checks after a power cut, once a server has started: every confirmed change is there, once."""

import gzip
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.traffic import STORE

from drills.workload import OTHER_STORE, Account, Answered, Connection
from inventory.eventlog.layout import Layout

REPLAYED = 40
"""So many of the latest keys are asked again."""
REPEATED_WITHIN_SECONDS = 30.0
"""Nothing is repeated later than this: half of the time that a key counts."""
_ENDINGS = ("commit", "release")


@dataclass(slots=True)
class Findings:
    """What is wrong, by what it means."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        """Every one of them."""
        return [*self.lost, *self.doubled, *self.other]


@dataclass(frozen=True, slots=True)
class Told:
    """What the server said when it had started: its records, and its open holds with what each still holds."""

    records: Mapping[tuple[str, str], tuple[int, int, int]]
    open_holds: Mapping[str, Counter[tuple[str, str]]]


def settle(connection: Connection, account: Account, cut_at: float) -> list[str]:
    """Repeat each change without an outcome under its key, as a careful client does; names what is answered wrongly.

    What is too old for that, by the monotonic clock, stays undecided: it may be there or not.
    """
    wrong = []
    for key in sorted(account.unknown):
        if time.monotonic() > cut_at + REPEATED_WITHIN_SECONDS:
            account.unknown.discard(key)
            continue
        answer = connection.send(account.sent[key])
        if account.note(account.sent[key], answer) == "unknown":
            wrong.append(f"{key}: no outcome after the start: {answer}")
    return wrong


def replay(connection: Connection, account: Account, before: Mapping[str, Answered]) -> list[str]:
    """Ask the latest of ``before`` again: each answer must be the first one, to the byte."""
    wrong = []
    for key in sorted(before, key=lambda one: before[one].at)[-REPLAYED:]:
        if time.monotonic() > before[key].at + REPEATED_WITHIN_SECONDS:
            continue
        again = connection.send(account.sent[key])
        if again is None or again[:2] != before[key][:2]:
            wrong.append(f"{key}: first answered {before[key][:2]}, then {again and again[:2]}")
    return wrong


def told_by(connection: Connection) -> Told:
    """Ask for all records and all open holds. Nothing may change meanwhile."""
    records = {
        (one["storeId"], one["sku"]): (one["onHand"], one["reserved"], one["version"])
        for store in (STORE, OTHER_STORE)
        for one in _pages(connection, f"/stores/{store}/inventory?")
    }
    holds = {
        one["reservationId"]: Counter(
            {
                (line["storeId"], line["sku"]): line["qty"] - line["committed"] - line["released"]
                for line in one["lines"]
            }
        )
        for state in ("held", "partly_committed")
        for one in _pages(connection, f"/reservations?state={state}&")
    }
    return Told(records, holds)


def _pages(connection: Connection, path: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = connection.get(f"{path}limit=200{cursor}")
        yield from page.get("items", ())
        if page.get("nextCursor") is None:
            return
        cursor = f"&cursor={page['nextCursor']}"


def logged(data_dir: Path) -> list[dict[str, Any]]:
    """All events, those in the archive too. No server may be at work."""
    layout = Layout(data_dir)
    segments = {
        path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes()) for path in layout.archive.glob("*.gz")
    }
    # Between the two steps of moving a segment it is in both places.
    segments |= {path.name: path.read_bytes() for path in layout.events.glob("*.jsonl")}
    return [json.loads(line) for _, content in sorted(segments.items()) for line in content.splitlines()]


def compare(events: Sequence[Mapping[str, Any]], account: Account, told: Told) -> Findings:
    """Hold the log to what clients were told before the cut, and what the server tells now to the log."""
    found = Findings()
    if [event["sequence"] for event in events] != list(range(1, len(events) + 1)):
        found.lost.append("the sequences have a gap")
        return found
    keyed = [(event["idempotency"]["key"], event) for event in events if event.get("idempotency")]
    times = Counter(key for key, _ in keyed)
    found.doubled.extend(f"{key} is there {many} times" for key, many in times.items() if many > 1)
    by_key = dict(keyed)
    for key, answer in account.confirmed.items():
        found.lost.extend(_missing(account, key, json.loads(answer.body), by_key, events))
    found.other.extend(f"{key} was refused, and is there" for key in account.refused if key in by_key)
    known = {key.partition("/")[0] for key in by_key}
    found.other.extend(f"{key} is there, and was never sent" for key in sorted(known - account.sent.keys()))
    found.other.extend(_contradictions(events, told))
    return found


def _missing(
    account: Account,
    key: str,
    body: Mapping[str, Any],
    by_key: Mapping[str, Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """What was confirmed under a key and is not the event that is there."""
    change = account.sent[key]
    if change.operations:
        for number, result in enumerate(body["results"]):
            operation = f"{key}/{number}"
            if result["status"] < 300 and not _is_event(by_key.get(operation), result["record"]):
                yield _gone(operation, change.kind, result["record"])
        return
    if _is_event(by_key.get(key), body):
        return
    if not _had_ended(change.kind, key, body, by_key, events):
        yield _gone(key, change.kind, body)


def _gone(key: str, kind: str, told: Mapping[str, Any]) -> str:
    return f"{key} ({kind}) was confirmed as event {told['sequence']}, and is not there"


def _had_ended(
    kind: str,
    key: str,
    body: Mapping[str, Any],
    by_key: Mapping[str, Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
) -> bool:
    """Whether a hold had ended in that way before: that is confirmed again, without an event."""
    if kind not in _ENDINGS or key in by_key or body["sequence"] > len(events):
        return False
    return bool(_reservation_of(events[body["sequence"] - 1]) == body["reservationId"])


def _reservation_of(event: Mapping[str, Any]) -> str | None:
    """Which reservation an event changes; lines of format 3 say it in ``hold``."""
    name: str | None = (event.get("hold") or event).get("reservationId")
    return name


def _is_event(event: Mapping[str, Any] | None, told: Mapping[str, Any]) -> bool:
    if event is None or event["sequence"] != told["sequence"]:
        return False
    # Of one record: the figures too.
    figures = [(line["onHand"], line["version"]) for line in event["lines"]]
    return "onHand" not in told or figures == [(told["onHand"], told["version"])]


def _contradictions(events: Sequence[Mapping[str, Any]], told: Told) -> Iterator[str]:
    """What the server says otherwise than the sums of the log."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    held: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for event in events:
        for line in event["lines"]:
            item = (line["storeId"], line["sku"])
            on_hand, reserved, version = sums[item]
            sums[item] = [on_hand + line["onHandDelta"], reserved + line["reservedDelta"], version + 1]
            if (name := _reservation_of(event)) is not None:
                held[name][item] += line["reservedDelta"]
    for item in sorted(sums.keys() | told.records.keys()):
        if told.records.get(item) != tuple(sums[item]):
            yield f"{item}: the server says {told.records.get(item)}, the log {tuple(sums[item])}"
    for name, remaining in told.open_holds.items():
        if +remaining != +held[name]:
            yield f"hold {name}: the server says {+remaining}, the log {+held[name]}"
    reserved_in_all: Counter[tuple[str, str]] = Counter()
    for remaining in held.values():
        reserved_in_all.update(remaining)
    for item, (_, reserved, _) in sums.items():
        if reserved != reserved_in_all[item]:
            yield f"{item}: {reserved} are reserved, holds have {reserved_in_all[item]}"
