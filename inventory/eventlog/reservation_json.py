"""A reservation in the log and in snapshots, after its event.

    {"lines":[{"storeId":"…","sku":"…","qty":2,"committed":0,"released":0}],"expiresAt":"…","reference":null,
     "createdAt":"…","version":1,"created":7,"endedAt":null,"endedBy":null}

(without the line break). ``created`` is the sequence of its first event. A snapshot also has ``linesAt`` and ``steps``,
and for an ended reservation ``lineCount`` and ``state`` in place of ``lines``.
"""

from typing import Any

from inventory.domain.reservation import EndedHold, HeldLine, Hold, Reservation
from inventory.domain.values import Instant, ItemId, Sku, StoreId, format_instant, parse_instant


def reservation_as_json(reservation: Reservation) -> dict[str, Any]:
    """All of it as in the log, except its id and its sequence, which are separate."""
    return {
        "lines": [
            {
                "storeId": line.item.store,
                "sku": line.item.sku,
                "qty": line.qty,
                "committed": line.committed,
                "released": line.released,
            }
            for line in reservation.lines
        ],
        **_rest_as_json(reservation),
    }


def kept_as_json(hold: Hold) -> dict[str, Any]:
    """What is remembered of it, as in a snapshot."""
    if isinstance(hold, Reservation):
        return {**reservation_as_json(hold), "linesAt": hold.lines_at, "steps": hold.steps}
    return {"lineCount": hold.line_count, "state": hold.state, **_rest_as_json(hold)}


def reservation_from_json(reservation_id: str, sequence: int, fields: dict[str, Any]) -> Reservation:
    """The reverse of ``reservation_as_json``. :raises KeyError, TypeError, ValueError: it is something else."""
    return Reservation(
        reservation_id,
        tuple(
            HeldLine(
                ItemId(StoreId(line["storeId"]), Sku(line["sku"])), line["qty"], line["committed"], line["released"]
            )
            for line in fields["lines"]
        ),
        instant_or_none(fields["expiresAt"]),
        fields["reference"],
        parse_instant(fields["createdAt"]),
        fields["version"],
        sequence,
        fields["created"],
        instant_or_none(fields["endedAt"]),
        fields["endedBy"],
        # An event with all lines has them as of itself; only a snapshot may be of a later event.
        fields.get("linesAt", sequence),
        fields.get("steps", 0),
    )


def kept_from_json(reservation_id: str, sequence: int, fields: dict[str, Any]) -> Hold:
    """The reverse of ``kept_as_json``. :raises KeyError, TypeError, ValueError: it is something else."""
    if "lineCount" not in fields:
        return reservation_from_json(reservation_id, sequence, fields)
    return EndedHold(
        reservation_id,
        sequence,
        fields["created"],
        parse_instant(fields["createdAt"]),
        parse_instant(fields["endedAt"]),
        fields["endedBy"],
        fields["state"],
        fields["version"],
        instant_or_none(fields["expiresAt"]),
        fields["reference"],
        fields["lineCount"],
    )


def text_or_none(at: Instant | None) -> str | None:
    """An instant that may be missing, as in the log."""
    return None if at is None else format_instant(at)


def instant_or_none(text: str | None) -> Instant | None:
    """The reverse of ``text_or_none``."""
    return None if text is None else parse_instant(text)


def _rest_as_json(hold: Hold) -> dict[str, Any]:
    return {
        "expiresAt": text_or_none(hold.expires_at),
        "reference": hold.reference,
        "createdAt": format_instant(hold.created_at),
        "version": hold.version,
        "created": hold.created,
        "endedAt": text_or_none(hold.ended_at),
        "endedBy": hold.ended_by,
    }
