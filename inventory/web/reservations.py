"""What the bodies and queries about reservations, transfers and policies may say."""

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
from inventory.web.pages import page_answer
from inventory.web.parse import Asked, parse_command, parse_names, parse_query
from inventory.web.request_limits import LargeRead, LargeReads, RequestLimits
from inventory.web.schema_fields import (
    MAX_PAGE,
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
    """The same, if the record is at this version."""

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
    "of a part need an Idempotency-Key, or one version in expectedVersion or If-Match: sent twice, they count once"
)


def blueprint(services: Services, metrics: Metrics, gates: RequestLimits, large: LargeReads) -> Blueprint:
    """Make the views of reservations."""
    views = Blueprint("reservations", __name__)
    holds = services.reservations

    def counted(outcome: HoldOutcome) -> HoldOutcome:
        if outcome.replayed:
            metrics.count_replay()
        return outcome

    def ended(part: tuple[WantedLine, ...] | None, outcome: HoldOutcome) -> Answer:
        # How many lines the whole has is known only now.
        gates.charge(request.environ, len(outcome.reservation.lines if part is None else part))
        return reservation_answer(counted(outcome))

    @views.post("/reservations")
    def hold() -> Answer:
        asked = parse_command(HOLD, makes=True)
        lines = wanted_lines(asked.body["lines"])
        gates.charge(request.environ, len(lines))
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
    """The lines of a body as a command takes them."""
    return tuple(
        WantedLine(
            ItemId(StoreId(line["store_id"]), Sku(line["sku"])), line["qty"], at_version(line.get("expected_version"))
        )
        for line in lines
    )


def _part(asked: Asked) -> tuple[WantedLine, ...] | None:
    """The lines of a commit or release; ``None`` for all that is held.

    :raises ValidationFailed: the same request sent again could not be told from another one.
    """
    if "lines" not in asked.body:
        return None
    versions = asked.precondition.versions
    # At one version it is done once at most; a list of them may name the next one too.
    if asked.key is None and (versions is None or len(versions) > 1):
        raise ValidationFailed((FieldProblem("lines", _NEEDS_KEY),))
    return wanted_lines(asked.body["lines"])


def _page_asked() -> ReservationRequest:
    found = parse_query(RESERVATION_PAGE)
    after = found.pop("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 19):
        raise ValidationFailed((FieldProblem("cursor", "is not a cursor that this service gave out"),))
    with_lines = found.pop("detail", None) is not None
    return ReservationRequest(after=int(after), with_lines=with_lines, **found)


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
