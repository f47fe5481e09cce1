"""Reservations as clients see them."""

from typing import Any

from inventory.domain.events import Event, HoldStep
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import format_instant
from inventory.service.ports.stock_reads import Page
from inventory.service.reservations import HoldOutcome
from inventory.web.answers import Answer, json_answer
from inventory.web.conditional import entity_tag
from inventory.web.large_reads import LargeRead
from inventory.web.pages import page_answer
from inventory.web.present import REPLAYED


def reservation_body(reservation: Hold) -> dict[str, Any]:
    """A reservation: what was promised, and what became of it. ``lines`` is null where they are not in memory."""
    return {
        "reservationId": reservation.reservation_id,
        "state": reservation.state,
        "lines": [
            {
                "storeId": line.item.store,
                "sku": line.item.sku,
                "qty": line.qty,
                "committed": line.committed,
                "released": line.released,
            }
            for line in reservation.lines
        ]
        if isinstance(reservation, Reservation)
        else None,
        "expiresAt": None if reservation.expires_at is None else format_instant(reservation.expires_at),
        "reference": reservation.reference,
        "createdAt": format_instant(reservation.created_at),
        "version": reservation.version,
        "sequence": reservation.sequence,
    }


def step_body(step: HoldStep, event: Event) -> dict[str, Any]:
    """What an event says of a reservation itself, where the events before it were deleted."""
    return {
        "reservationId": step.reservation_id,
        "lines": None,
        "expiresAt": None if step.expires_at is None else format_instant(step.expires_at),
        "version": step.version,
        "sequence": event.sequence,
    }


def reservation_answer(outcome: HoldOutcome, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A reservation and its tag. Made from the event alone, so a replay is the same to the byte."""
    tag = ("ETag", entity_tag(outcome.reservation.version))
    replayed = (REPLAYED,) if outcome.replayed else ()
    return json_answer(reservation_body(outcome.reservation), status, (tag, *headers, *replayed))


def held_answer(outcome: HoldOutcome, root: str) -> Answer:
    """A new reservation, and where it is."""
    location = f"{root}/reservations/{outcome.reservation.reservation_id}"
    return reservation_answer(outcome, 201, ("Location", location))


def reservation_page(page: Page[Hold], read: LargeRead) -> Answer:
    """Part of the list of reservations. Its cursor is the sequence at which the last one was made."""
    return page_answer(page, _listed_body, lambda one: str(one.created), str, read)


def _listed_body(hold: Hold) -> dict[str, Any]:
    return {**reservation_body(hold), "lineCount": hold.line_count}
