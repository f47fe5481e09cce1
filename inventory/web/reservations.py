"""Reservations (holds): create, read, list, commit, release, extend."""

from typing import Any

from flask import Blueprint, request
from marshmallow import fields, validate

from inventory.domain.commands import WantedLine, at_version
from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.events import Event, HoldStep
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import MAX_QUANTITY, ItemId, Sku, StoreId, format_instant
from inventory.service.ports.stock_reads import Page, ReservationRequest
from inventory.service.reservations import HoldOutcome
from inventory.web.answers import Answer, json_answer
from inventory.web.conditional import entity_tag
from inventory.web.idempotency_key import REPLAYED
from inventory.web.metrics import Metrics
from inventory.web.pages import MAX_PAGE, page_answer
from inventory.web.parse import Asked, parse_command, parse_names, parse_query
from inventory.web.request_limits import LargeRead, LargeReads, RequestLimits
from inventory.web.schema_fields import (
    StrictSchema,
    between,
    built,
    expected_version,
    identifier,
    lines_of,
    optional_text,
    query_integer,
    ttl,
    whole_number,
)
from inventory.wiring.services import Services

STATES = ("held", "partly_committed", "committed", "released", "expired")


class NamedLineSchema(StrictSchema):
    """Units of one item."""

    store_id = identifier("storeId", required=True)
    sku = identifier(required=True)
    qty = whole_number(between(1, MAX_QUANTITY), required=True)


class WantedLineSchema(NamedLineSchema):
    """Units of one item, if its record is at this version."""

    expected_version = expected_version()


class HoldSchema(StrictSchema):
    """The body of POST /reservations."""

    lines = lines_of(WantedLineSchema, required=True)
    ttl_ms = ttl(required=False)
    reference = optional_text()


class PartSchema(StrictSchema):
    """The body of a commit or a release."""

    lines = lines_of(NamedLineSchema, required=False)
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


class ExtendSchema(StrictSchema):
    """The body of an extend."""

    ttl_ms = ttl(required=True)
    expected_version = expected_version()


class ReservationPageSchema(StrictSchema):
    """The query of the list of reservations."""

    limit = query_integer(between(1, MAX_PAGE))
    after = fields.String(data_key="cursor")
    state = fields.String(validate=validate.OneOf(STATES, error="must be one of {choices}"))
    store = identifier("storeId")
    sku = identifier()
    reference = optional_text()
    detail = fields.String(validate=validate.OneOf(("lines",), error="must be lines"))


HOLD = built(HoldSchema)
PART = built(PartSchema)
EXTEND = built(ExtendSchema)
RESERVATION_PAGE = built(ReservationPageSchema)

PATH = "/reservations/<reservation_id>"
_NEEDS_KEY = (
    "need an Idempotency-Key, or one version in expectedVersion or If-Match, so that a retry is not applied twice"
)


def blueprint(services: Services, metrics: Metrics, limits: RequestLimits, large: LargeReads) -> Blueprint:
    """Make the views of reservations."""
    views = Blueprint("reservations", __name__)
    holds = services.reservations

    def counted(outcome: HoldOutcome) -> HoldOutcome:
        if outcome.replayed:
            metrics.count_replay()
        return outcome

    def ended(part: tuple[WantedLine, ...] | None, outcome: HoldOutcome) -> Answer:
        # The number of lines of the reservation is known only now.
        limits.charge(request.environ, len(outcome.reservation.lines if part is None else part))
        return reservation_answer(counted(outcome))

    @views.post("/reservations")
    def hold() -> Answer:
        asked = parse_command(HOLD, makes=True)
        lines = wanted_lines(asked.body["lines"])
        limits.charge(request.environ, len(lines))
        outcome = counted(holds.hold(lines, asked.body.get("ttl_ms"), asked.note, asked.key))
        return held_answer(outcome, request.root_path)

    @views.get("/reservations")
    def page() -> Answer:
        asked = _page_asked()
        with large.reading() as read:
            return reservation_page(holds.reservations(asked, read.has), read)

    @views.get(PATH)
    def read(reservation_id: str) -> Answer:
        parse_names(reservationId=reservation_id)
        return reservation_answer(HoldOutcome(holds.reservation(reservation_id), replayed=False))

    @views.post(f"{PATH}/commit")
    def commit(reservation_id: str) -> Answer:
        asked = parse_command(PART, optional=True, reservationId=reservation_id)
        lines = _part(asked)
        return ended(lines, holds.commit(reservation_id, lines, asked.precondition, asked.note, asked.key))

    @views.post(f"{PATH}/release")
    def release(reservation_id: str) -> Answer:
        asked = parse_command(PART, optional=True, reservationId=reservation_id)
        lines = _part(asked)
        return ended(lines, holds.release(reservation_id, lines, asked.precondition, asked.note, asked.key))

    @views.post(f"{PATH}/extend")
    def extend(reservation_id: str) -> Answer:
        asked = parse_command(EXTEND, reservationId=reservation_id)
        ttl_ms = asked.body["ttl_ms"]
        return reservation_answer(
            counted(holds.extend(reservation_id, ttl_ms, asked.precondition, asked.note, asked.key))
        )

    return views


def wanted_lines(lines: list[dict[str, Any]]) -> tuple[WantedLine, ...]:
    """The lines of a body as lines of a command."""
    return tuple(
        WantedLine(
            ItemId(StoreId(line["store_id"]), Sku(line["sku"])), line["qty"], at_version(line.get("expected_version"))
        )
        for line in lines
    )


def _part(asked: Asked) -> tuple[WantedLine, ...] | None:
    """The lines of a commit or release; ``None`` for all that is held.

    :raises ValidationFailed: a retry could not be told from another request.
    """
    if "lines" not in asked.body:
        return None
    versions = asked.precondition.versions
    # With one version it is applied at most once; a list of versions may include the next one.
    if asked.key is None and (versions is None or len(versions) > 1):
        raise ValidationFailed((FieldProblem("lines", _NEEDS_KEY),))
    return wanted_lines(asked.body["lines"])


def _page_asked() -> ReservationRequest:
    found = parse_query(RESERVATION_PAGE)
    after = found.pop("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 19):
        raise ValidationFailed((FieldProblem("cursor", "is not a valid cursor"),))
    with_lines = found.pop("detail", None) is not None
    return ReservationRequest(after=int(after), with_lines=with_lines, **found)


def reservation_body(reservation: Hold) -> dict[str, Any]:
    """A reservation: what was promised, and what happened to it. ``lines`` is null if they are not in memory."""
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
    """What an event alone has of a reservation, if the earlier events were deleted."""
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
    """A new reservation, with its ``Location``."""
    location = f"{root}/reservations/{outcome.reservation.reservation_id}"
    return reservation_answer(outcome, 201, ("Location", location))


def reservation_page(page: Page[Hold], read: LargeRead) -> Answer:
    """A page of reservations. The cursor is the sequence of the event that created the last one."""
    return page_answer(page, _listed_body, lambda one: str(one.created), str, read)


def _listed_body(hold: Hold) -> dict[str, Any]:
    return {**reservation_body(hold), "lineCount": hold.line_count}
