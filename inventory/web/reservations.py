"""Reservations: promise goods, let them leave, give them back."""

from typing import Any

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import WantedLine, at_version
from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.service.ports.stock_reads import ReservationRequest
from inventory.service.reservations import HoldOutcome
from inventory.web.answers import Answer
from inventory.web.gates import Gates
from inventory.web.hold_schemas import EXTEND, HOLD, PART, RESERVATION_PAGE
from inventory.web.large_reads import LargeReads
from inventory.web.metrics import Metrics
from inventory.web.parse import Asked, parse_command, parse_names, parse_query
from inventory.web.present_holds import held_answer, reservation_answer, reservation_page

PATH = "/reservations/<reservation_id>"
_NEEDS_KEY = (
    "of a part need an Idempotency-Key, or one version in expectedVersion or If-Match: sent twice, they count once"
)


def blueprint(services: Services, metrics: Metrics, gates: Gates, large: LargeReads) -> Blueprint:
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
