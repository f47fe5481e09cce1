"""The format of the log: one event is one line of JSON that ends in its chain.

    {"format":2,"sequence":7,"eventId":"…","type":"stock.adjusted","ts":"2026-11-22T14:38:20.123456Z",
     "node":"…","actor":"anonymous","requestId":"…","reason":null,"reference":null,"reservationId":null,
     "lines":[{"storeId":"…","sku":"…","onHandDelta":-1,"reservedDelta":0,"onHand":9,"reserved":0,"version":3,
               "previous":5}],
     "idempotency":{"key":"…","hash":"…","expiresAt":"…"},"source":null,"synced":6,"chain":"<32 hex digits>"}

(without the line breaks). ``previous`` is the sequence of the record's previous event, 0 for none; a record with a
policy also has ``safetyStock`` and ``lowStock``, and ``policyBefore``, with both, if the event has set another policy;
an event that creates or ends a reservation has ``reservation``, see `reservation_json`. Format 1 had none of these.

A line of format 3 belongs to an event after which the reservation still holds something. It has no ``reservation``,
``reservationId`` is null, and ``hold`` has what the lines do not:

    "hold":{"reservationId":"…","version":3,"expiresAt":"…","linesAt":7}

``linesAt`` is the sequence of the latest earlier event that contains or changed the lines of the reservation. Each line
has the lowest format that can express it: a program that knows only format 2 works as long as there is no such line.

``chain`` is the BLAKE2b-128 of the chain of the previous line followed by the bytes of this line before ``,"chain"``;
it continues across segments, and the first line follows 16 zero bytes. A changed, missing, repeated or moved line
breaks it. It is compared as bytes: a lenient parser (``int(text, 16)`` accepts ``A`` for ``a``) would overlook flipped
bits.
"""

import sys
from binascii import hexlify, unhexlify
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from inventory.domain.commands import Note
from inventory.domain.events import Delivery, Event, HoldStep, KeyUse, Line
from inventory.domain.record import Policy
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.values import ItemId, format_instant, parse_instant
from inventory.eventlog.reservation_json import (
    instant_or_none,
    reservation_as_json,
    reservation_from_json,
    text_or_none,
)

FORMAT = 3
"""The highest format that this program reads and writes."""
_WITH_STEP, _WITHOUT = 3, 2
_NO_HOLD: dict[str, Any] = {"reservationId": None}
GENESIS = bytes(16)
_MARK = b',"chain":"'
# What the constructor of a named tuple calls, without that call: a start reads millions of lines.
_made = tuple.__new__
# Packed and unpacked by position: the order of the fields must not change unnoticed.
assert " ".join(Note._fields) == "actor request_id reason reference"  # noqa: S101
assert (  # noqa: S101
    " ".join(Line._fields) == "item on_hand_delta reserved_delta on_hand reserved version previous policy policy_before"
)
assert " ".join(Event._fields) == ("sequence event_id type at node note lines reservation key_use delivery synced step")  # noqa: S101
TAIL = len(_MARK) + 32 + len(b'"}')
"""The number of bytes at the end of a line, without its line feed, that are its chain."""


class Decoded(NamedTuple):
    """The event of a line; ``format`` above FORMAT means that a newer program wrote it."""

    event: Event
    format: int


class NotALine(Exception):
    """These bytes are not a line of this log."""


def encode(event: Event, previous: bytes) -> tuple[bytes, bytes]:
    """Return the line of the event, including the line feed, and its chain (16 bytes)."""
    sequence, event_id, kind, at, node, note, lines, reservation, use, delivery, synced, step = event
    actor, request_id, reason, reference = note
    body = orjson.dumps(
        {
            "format": _WITHOUT if step is None else _WITH_STEP,
            "sequence": sequence,
            "eventId": event_id,
            "type": kind,
            "ts": format_instant(at),
            "node": node,
            "actor": actor,
            "requestId": request_id,
            "reason": reason,
            "reference": reference,
            **(_NO_HOLD if reservation is None and step is None else _hold_as_json(reservation, step)),
            "lines": [line_as_json(line) for line in lines],
            "idempotency": use and _key_as_json(use),
            "source": delivery and {"id": delivery.source, "eventId": delivery.event_id},
            "synced": synced,
        }
    )[:-1]
    chain = blake2b(previous + body, digest_size=16).digest()
    return body + _MARK + chain.hex().encode() + b'"}\n', chain


def next_chain(line: bytes, previous: bytes) -> bytes:
    """Return the chain of a line (without its line feed) that follows ``previous``.

    :raises NotALine: the line has another chain.
    """
    chain = blake2b(previous + line[:-TAIL], digest_size=16).digest()
    if line[-TAIL:] != b'%b%b"}' % (_MARK, hexlify(chain)):
        raise NotALine("the hash chain is broken here")
    return chain


def stored_chain(line: bytes, _previous: bytes) -> bytes:
    """Return the chain in a line (without its line feed) without checking it.

    :raises NotALine: it does not end in one.
    """
    try:
        return unhexlify(line[-34:-2])
    except ValueError as error:
        raise NotALine("this line does not end in a hash") from error


def decode(line: bytes) -> Decoded:
    """Return the event of a line (without its line feed) whose chain was checked.

    :raises NotALine: it is not an event that this program can read.
    """
    try:
        fields = orjson.loads(line)
        return _made(Decoded, (_event(fields), fields["format"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise NotALine(f"not an event that this program can read ({type(error).__name__}: {error})") from error


def decode_next(line: bytes, sequence: int) -> Decoded:
    """``decode``, of the line after the event ``sequence``.

    :raises NotALine: it is not a line, or that of another event.
    """
    decoded = decode(line)
    if decoded.event.sequence != sequence + 1:
        raise NotALine(f"sequence {decoded.event.sequence} after {sequence}")
    return decoded


def _event(fields: dict[str, Any]) -> Event:
    use, source = fields["idempotency"], fields["source"]
    lines = tuple([line_from_json(line) for line in fields["lines"]])
    return _made(
        Event,
        (
            fields["sequence"],
            fields["eventId"],
            fields["type"],
            parse_instant(fields["ts"]),
            fields["node"],
            _made(Note, (fields["actor"], fields["requestId"], fields["reason"], fields["reference"])),
            lines,
            fields["reservationId"] and _reservation(fields, lines),
            use and KeyUse(use["key"], use["hash"], parse_instant(use["expiresAt"]), use.get("partOf")),
            source and Delivery(source["id"], source["eventId"]),
            fields["synced"],
            _step(fields["hold"]) if "hold" in fields else None,
        ),
    )


def _hold_as_json(reservation: Reservation | None, step: HoldStep | None) -> dict[str, Any]:
    if step is not None:
        # With the id in the place of format 2, an older program would read the lines as a new reservation.
        fields = {"reservationId": step.reservation_id, "version": step.version}
        return {**_NO_HOLD, "hold": {**fields, "expiresAt": text_or_none(step.expires_at), "linesAt": step.lines_at}}
    if reservation is None:
        return _NO_HOLD
    return {"reservationId": reservation.reservation_id, "reservation": reservation_as_json(reservation)}


def _step(fields: dict[str, Any]) -> HoldStep:
    expires_at = instant_or_none(fields["expiresAt"])
    return HoldStep(fields["reservationId"], fields["version"], expires_at, fields["linesAt"])


def _key_as_json(use: KeyUse) -> dict[str, str]:
    fields = {"key": use.key, "hash": use.hash, "expiresAt": format_instant(use.expires_at)}
    if use.part_of is not None:
        fields["partOf"] = use.part_of
    return fields


def line_as_json(line: Line) -> dict[str, Any]:
    """One line of an event, as in the log."""
    (store, sku), on_hand_delta, reserved_delta, on_hand, reserved, version, previous, policy, before = line
    fields = {
        "storeId": store,
        "sku": sku,
        "onHandDelta": on_hand_delta,
        "reservedDelta": reserved_delta,
        "onHand": on_hand,
        "reserved": reserved,
        "version": version,
        "previous": previous,
    }
    if policy is not None:
        fields.update(_policy_as_json(policy))
    if before is not None:
        fields["policyBefore"] = _policy_as_json(before)
    return fields


def _policy_as_json(policy: Policy) -> dict[str, int | None]:
    return {"safetyStock": policy.safety_stock, "lowStock": policy.low_stock}


def line_from_json(fields: dict[str, Any]) -> Line:
    """The reverse of ``line_as_json``."""
    return _made(
        Line,
        (
            # There are few store ids, each in many lines: keep one string for each.
            _made(ItemId, (sys.intern(fields["storeId"]), fields["sku"])),
            fields["onHandDelta"],
            fields["reservedDelta"],
            fields["onHand"],
            fields["reserved"],
            fields["version"],
            fields.get("previous", 0),
            _policy(fields) if "safetyStock" in fields else None,
            _policy(fields["policyBefore"]) if "policyBefore" in fields else None,
        ),
    )


def _policy(fields: dict[str, Any]) -> Policy:
    return Policy(fields["safetyStock"], fields["lowStock"])


def _reservation(fields: dict[str, Any], lines: tuple[Line, ...]) -> Reservation:
    reservation_id, sequence, known = fields["reservationId"], fields["sequence"], fields.get("reservation")
    if known is not None:
        return reservation_from_json(reservation_id, sequence, known)
    # Format 1 had only the id, of holds that could not end.
    held = tuple(HeldLine(line.item, line.reserved_delta) for line in lines)
    at = parse_instant(fields["ts"])
    return Reservation(reservation_id, held, None, fields["reference"], at, 1, sequence, sequence, lines_at=sequence)
