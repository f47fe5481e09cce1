"""A reservation in the log and in snapshots: as its event left it.

    {"lines":[{"storeId":"…","sku":"…","qty":2,"committed":0,"released":0}],"expiresAt":"…","reference":null,
     "createdAt":"…","version":1,"created":7,"endedAt":null,"endedBy":null}

(without the line break). ``created`` is the sequence of its first event.
"""

from typing import Any

from inventory.domain.instants import format_instant, parse_instant
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.values import Instant, ItemId, Sku, StoreId


def reservation_as_json(reservation: Reservation) -> dict[str, Any]:
    """All of it but its id and its sequence, which stand beside it."""
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
        "expiresAt": _text(reservation.expires_at),
        "reference": reservation.reference,
        "createdAt": format_instant(reservation.created_at),
        "version": reservation.version,
        "created": reservation.created,
        "endedAt": _text(reservation.ended_at),
        "endedBy": reservation.ended_by,
    }


def reservation_from_json(reservation_id: str, sequence: int, fields: dict[str, Any]) -> Reservation:
    """The reverse. :raises KeyError, TypeError, ValueError: it is something else."""
    return Reservation(
        reservation_id,
        tuple(
            HeldLine(
                ItemId(StoreId(line["storeId"]), Sku(line["sku"])), line["qty"], line["committed"], line["released"]
            )
            for line in fields["lines"]
        ),
        _instant(fields["expiresAt"]),
        fields["reference"],
        parse_instant(fields["createdAt"]),
        fields["version"],
        sequence,
        fields["created"],
        _instant(fields["endedAt"]),
        fields["endedBy"],
    )


def _text(at: Instant | None) -> str | None:
    return None if at is None else format_instant(at)


def _instant(text: str | None) -> Instant | None:
    return None if text is None else parse_instant(text)
