"""One request, sent and recorded: from HTTP to the operations of a history."""

import time
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from support.client import Answer, Client, Unanswered, record_path
from support.history import NEVER, Operation, Told

STORES = ("store-1", "store-2")
_NONE = Told(version=0)


class Request(NamedTuple):
    """What to ask, and the operation that it is, without times and answer.

    :ivar how: a record, or its SKU over all stores, or that from the central view; else the kind of the change.
    """

    how: Literal["record", "view", "central", "adjust", "reserve", "count"]
    operation: Operation


class Noted(NamedTuple):
    """What came of it.

    :ivar status: 0 without an answer. :ivar code: the stable word of a refusal.
    :ivar operations: what is known by it: of a view, one read for each store.
    """

    status: int
    code: str
    operations: list[Operation]

    @property
    def is_settled(self) -> bool:
        """Whether it is known what has happened, and sending it again would tell no more."""
        return self.status not in (0, 503)


def send(client: Client, request: Request) -> Noted:
    """Send it once. :raises AssertionError: the answer is none that such a request may get."""
    one = request.operation._replace(began=time.monotonic_ns())
    try:
        answer = _sent(client, request)
    except Unanswered:
        return Noted(0, "unanswered", _unknown(one))
    one = one._replace(ended=time.monotonic_ns())
    body = answer.json
    match answer.status, body.get("error", ""):
        case 503, code:
            return Noted(503, code, _unknown(one) if body["outcome"] == "unknown" else [])
        case ((200 | 201 | 404), _) if request.how in ("view", "central"):
            return Noted(answer.status, "", list(_of_a_view(one, answer)))
        case ((200 | 201), _):
            return Noted(answer.status, "", [one._replace(told=_told(body))])
        case 404, code:
            outcome: Literal["done", "refused"] = "done" if one.kind == "read" else "refused"
            return Noted(404, code, [one._replace(outcome=outcome, told=_NONE)])
        case 409, "version_conflict":
            told = Told(version=body["currentVersion"])
        case 409, "insufficient_stock" if one.kind == "count":
            # The version is looked at first: what was expected of it has held.
            assert body["available"] == one.amount, answer
            told = Told(version=one.expected, reserved=body["requested"])
        case 409, "insufficient_stock":
            assert body["requested"] == abs(one.amount), answer
            told = Told(version=one.expected, qty=body["available"])
        case _:
            raise AssertionError(f"{request}: {answer}")
    return Noted(409, body["error"], [one._replace(outcome="refused", told=told)])


def _unknown(one: Operation) -> list[Operation]:
    return [] if one.kind == "read" else [one._replace(outcome="unknown", ended=NEVER)]


def _sent(client: Client, request: Request) -> Answer:
    one = request.operation
    store, sku = one.item.split("/")
    path = record_path(sku, store)
    named = {} if one.key is None else {"Idempotency_Key": one.key}
    asked: dict[str, Any] = {}
    if one.expected is not None and (one.kind == "count" or one.expected % 2):
        # One half in the one way, one half in the other.
        named["If_Match"] = f'"{one.expected}"'
    elif one.expected is not None:
        asked["expectedVersion"] = one.expected
    match request.how:
        case "record":
            return client.get(path)
        case "view":
            return client.get(f"/inventory/{sku}")
        case "central":
            return client.get(f"/central/inventory/{sku}")
        case "adjust":
            return client.post(f"{path}/adjust", {"delta": one.amount, **asked}, **named)
        case "reserve":
            return client.post(f"{path}/reserve", {"qty": one.amount, **asked}, **named)
        case "count":
            return client.put(path, {"onHand": one.amount}, **named)


def _told(record: dict[str, Any], as_of: int | None = None) -> Told:
    names = ("version", "onHand", "reserved", "qty", "sequence")
    return Told(*(record[name] for name in names), as_of)


def _of_a_view(one: Operation, answer: Answer) -> Iterator[Operation]:
    sku = one.item.split("/")[1]
    found, as_of, lag = {}, None, 0
    if answer.status == 200:
        as_of = answer.json["asOfSequence"]
        found = {f"{record['storeId']}/{sku}": _told(record, as_of) for record in answer.json["stores"]}
        # It is rounded to a millisecond.
        lag = 1_000_000 * (answer.json["lagMs"] + 1) if "lagMs" in answer.json else 0
    for item in (f"{store}/{sku}" for store in STORES):
        yield one._replace(item=item, told=found.get(item, _NONE._replace(as_of=as_of)), lag=lag)
