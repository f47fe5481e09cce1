"""The format of the log: one event is one line of JSON that ends in its chain.

    {"format":1,"sequence":7,"eventId":"…","type":"stock.adjusted","ts":"2026-11-22T14:38:20.123456Z",
     "node":"…","actor":"anonymous","requestId":"…","reason":null,"reference":null,"reservationId":null,
     "lines":[{"storeId":"…","sku":"…","onHandDelta":-1,"reservedDelta":0,"onHand":9,"reserved":0,"version":3}],
     "idempotency":{"key":"…","hash":"…","expiresAt":"…"},"source":null,"synced":6,"chain":"<32 hex digits>"}

(without the line breaks). ``chain`` is the BLAKE2b-128 of the previous line's chain followed by this
line's bytes before ``,"chain"``; it runs on across segments, and the first line follows 16 zero bytes.
A changed, missing, doubled or moved line breaks it. It is compared as bytes: a parser that forgives
spelling (``int(text, 16)`` takes ``A`` for ``a``) would overlook flipped bits.
"""

import sys
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from inventory.domain.commands import Note
from inventory.domain.events import Delivery, Event, KeyUse, Line
from inventory.domain.instants import format_instant, parse_instant
from inventory.domain.values import ItemId, Sku, StoreId

FORMAT = 1
GENESIS = bytes(16)
_MARK = b',"chain":"'
TAIL = len(_MARK) + 32 + len(b'"}')
"""How many bytes of a line, without its line feed, are its chain."""


class Decoded(NamedTuple):
    """A line's event; ``format`` above FORMAT means that a newer program wrote it."""

    event: Event
    format: int


class NotALine(Exception):
    """These bytes are not a line of this log."""


def encode(event: Event, previous: bytes) -> tuple[bytes, bytes]:
    """Return the event's line, line feed included, and its chain (16 bytes)."""
    sequence, event_id, kind, at, node, note, lines, reservation_id, use, delivery, synced = event
    actor, request_id, reason, reference = note
    body = orjson.dumps(
        {
            "format": FORMAT,
            "sequence": sequence,
            "eventId": event_id,
            "type": kind,
            "ts": format_instant(at),
            "node": node,
            "actor": actor,
            "requestId": request_id,
            "reason": reason,
            "reference": reference,
            "reservationId": reservation_id,
            "lines": [line_as_json(line) for line in lines],
            "idempotency": use and {"key": use.key, "hash": use.hash, "expiresAt": format_instant(use.expires_at)},
            "source": delivery and {"id": delivery.source, "eventId": delivery.event_id},
            "synced": synced,
        }
    )[:-1]
    chain = blake2b(previous + body, digest_size=16).digest()
    return body + _MARK + chain.hex().encode() + b'"}\n', chain


def next_chain(line: bytes, previous: bytes) -> bytes:
    """Return the chain of a line (without its line feed) that follows ``previous``.

    :raises NotALine: it is another one than the line says.
    """
    chain = blake2b(previous + line[:-TAIL], digest_size=16).digest()
    if line[-TAIL:] != _MARK + chain.hex().encode() + b'"}':
        raise NotALine("the chain does not continue here")
    return chain


def decode(line: bytes) -> Decoded:
    """Return the event of a line (without its line feed) whose chain was checked.

    :raises NotALine: it holds no event that this program can read.
    """
    try:
        fields = orjson.loads(line)
        return Decoded(_event(fields), fields["format"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise NotALine(f"no event that this program can read ({type(error).__name__}: {error})") from error


def _event(fields: dict[str, Any]) -> Event:
    use, source = fields["idempotency"], fields["source"]
    return Event(
        fields["sequence"],
        fields["eventId"],
        fields["type"],
        parse_instant(fields["ts"]),
        fields["node"],
        Note(fields["actor"], fields["requestId"], fields["reason"], fields["reference"]),
        tuple([line_from_json(line) for line in fields["lines"]]),
        fields["reservationId"],
        use and KeyUse(use["key"], use["hash"], parse_instant(use["expiresAt"])),
        source and Delivery(source["id"], source["eventId"]),
        fields["synced"],
    )


def line_as_json(line: Line) -> dict[str, Any]:
    """One line of an event, as the log has it."""
    (store, sku), on_hand_delta, reserved_delta, on_hand, reserved, version = line
    return {
        "storeId": store,
        "sku": sku,
        "onHandDelta": on_hand_delta,
        "reservedDelta": reserved_delta,
        "onHand": on_hand,
        "reserved": reserved,
        "version": version,
    }


def line_from_json(fields: dict[str, Any]) -> Line:
    """The reverse of ``line_as_json``."""
    return Line(
        # Store ids are few and each is in many lines: one string for all of them.
        ItemId(StoreId(sys.intern(fields["storeId"])), Sku(fields["sku"])),
        fields["onHandDelta"],
        fields["reservedDelta"],
        fields["onHand"],
        fields["reserved"],
        fields["version"],
    )
