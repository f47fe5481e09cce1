"""One record: read it, count it, adjust it, reserve from it."""

from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, request
from marshmallow import ValidationError, fields

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.values import MAX_QUANTITY, Instant, ItemId, format_instant, parse_instant
from inventory.service.event_ids import uuid7
from inventory.service.history import HistoryService
from inventory.service.ports.change_queue import Outcome, ResolvedTicket, Ticket
from inventory.service.shelf_count import count_at_version
from inventory.web.answers import Answer, Headers, json_answer
from inventory.web.conditional import ReadCondition, entity_tag, read_condition
from inventory.web.deferred_answer import Deferred
from inventory.web.idempotency_key import REPLAYED
from inventory.web.metrics import Metrics
from inventory.web.parse import RecordChange, item_in_path, parse_change, query_parameters
from inventory.web.schema_fields import (
    MAX_VERSION,
    StrictSchema,
    between,
    built,
    expected_version,
    loaded,
    optional_text,
    query_integer,
    ttl,
    whole_number,
)
from inventory.wiring.services import Services


class _InstantField(fields.Field[Instant]):
    """A time of RFC 3339."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Instant:
        try:
            return parse_instant(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("must be an RFC 3339 time with an offset, such as 2026-11-22T14:38:20Z") from error


class AsOfSchema(StrictSchema):
    """The query of a record: current, or as of an event or a time."""

    as_of_sequence = query_integer(between(0, MAX_VERSION), data_key="asOfSequence")
    as_of = _InstantField(data_key="asOf")


AS_OF = built(AsOfSchema)


def _not_zero(number: int) -> None:
    if number == 0:
        raise ValidationError("must not be 0")


class AdjustSchema(StrictSchema):
    """The body of an adjust."""

    delta = whole_number(between(-MAX_QUANTITY, MAX_QUANTITY), _not_zero, required=True)
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


class ReserveSchema(StrictSchema):
    """The body of a reserve."""

    qty = whole_number(between(1, MAX_QUANTITY), required=True)
    ttl_ms = ttl(required=False)
    expected_version = expected_version()
    reference = optional_text()


class CountSchema(StrictSchema):
    """The body of a PUT."""

    on_hand = whole_number(between(0, MAX_QUANTITY), data_key="onHand", required=True)
    counted_at_version = whole_number(between(1, MAX_VERSION), data_key="countedAtVersion")
    reason = optional_text()
    reference = optional_text()


ADJUST = built(AdjustSchema)
RESERVE = built(ReserveSchema)
COUNT = built(CountSchema)


class Read(NamedTuple):
    """A parsed read of one record. :ivar as_of: the time, if not now."""

    item: ItemId
    condition: ReadCondition
    as_of: dict[str, Any]


def parse_read(store: str, sku: str) -> Read:
    """Parse a request for one record.

    :raises ValidationFailed: names every invalid field of path, query and headers.
    """
    environ = request.environ
    problems: list[FieldProblem] = []
    item = item_in_path(store, sku, problems)
    as_of = loaded(AS_OF, query_parameters(problems), "query", problems) if environ.get("QUERY_STRING") else {}
    condition = read_condition(environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH"), problems)
    if problems:
        raise ValidationFailed(problems)
    return Read(item, condition, as_of)


PATH = "/stores/<store>/inventory/<sku>"


def blueprint(services: Services, metrics: Metrics) -> Blueprint:
    """Make the views of one record."""
    views = Blueprint("stock", __name__)
    stock = services.stock

    def carry_out(command: Command, key: IdempotencyKey | None) -> Deferred:
        return Deferred(stock.begin(command, key), changed, metrics.count_replay)

    def begin_count(command: CountStock, asked: RecordChange) -> Ticket:
        version = asked.body.get("counted_at_version")
        if version is None:
            return stock.begin(command, asked.key)
        carried_out = count_at_version(command, version, services.history, lambda count: stock.change(count, asked.key))
        return ResolvedTicket(carried_out)

    @views.get(PATH)
    def read(store: str, sku: str) -> Answer:
        asked = parse_read(store, sku)
        record = _as_of(asked, services.history) if asked.as_of else stock.record(asked.item)
        return unchanged(record) if asked.condition.is_unchanged(record) else record_answer(record)

    @views.put(PATH)
    def count(store: str, sku: str) -> Deferred:
        asked = parse_change(COUNT, store, sku)
        command = CountStock(asked.item, asked.body["on_hand"], asked.precondition, asked.note)
        location = f"{request.root_path}/stores/{store}/inventory/{sku}"
        return Deferred(begin_count(command, asked), partial(counted, location=location), metrics.count_replay)

    @views.post(f"{PATH}/adjust")
    def adjust(store: str, sku: str) -> Deferred:
        asked = parse_change(ADJUST, store, sku)
        return carry_out(AdjustStock(asked.item, asked.body["delta"], asked.precondition, asked.note), asked.key)

    @views.post(f"{PATH}/reserve")
    def reserve(store: str, sku: str) -> Deferred:
        asked = parse_change(RESERVE, store, sku)
        reservation_id = uuid7(services.now())
        qty, ttl_ms = asked.body["qty"], asked.body.get("ttl_ms")
        return carry_out(
            reserve_one(asked.item, qty, reservation_id, asked.precondition, asked.note, ttl_ms), asked.key
        )

    return views


def _as_of(asked: Read, history: HistoryService) -> Record:
    """The record as it was, at the sequence and at the time, whichever is given."""
    return history.record_at(asked.item, sequence=asked.as_of.get("as_of_sequence"), at=asked.as_of.get("as_of"))


# Taken apart by position in `record_body`: the order must not change unseen.
assert " ".join(Record._fields) == "item on_hand reserved version sequence updated_at policy"  # noqa: S101


def record_body(record: Record) -> dict[str, Any]:
    """A record as clients see it."""
    (store, sku), on_hand, reserved, version, sequence, updated_at, policy = record
    body = {
        "storeId": store,
        "sku": sku,
        "qty": record.qty,
        "reserved": reserved,
        "onHand": on_hand,
        "version": version,
        "sequence": sequence,
        "updatedAt": format_instant(updated_at),
    }
    if policy is not None:
        body["available"], body["safetyStock"], body["lowStock"] = record.available, *policy
    if reserved > on_hand:
        body["oversoldBy"] = record.oversold_by
    return body


def record_answer(record: Record) -> Answer:
    """A record and its tag."""
    return json_answer(record_body(record), 200, (("ETag", entity_tag(record.version)),))


def unchanged(record: Record) -> Answer:
    """304: the client already has this version."""
    return Answer(b"", 304, (("ETag", entity_tag(record.version)),))


def changed(outcome: Outcome) -> Answer:
    """The record after a change. Made from the event alone, so a replay is the same to the byte."""
    record = outcome.record
    body = record_body(record)
    reservation = outcome.event.reservation
    if reservation is not None:
        body["reservationId"] = reservation.reservation_id
        if reservation.expires_at is not None:
            body["expiresAt"] = format_instant(reservation.expires_at)
    return json_answer(body, 200, _change_headers(outcome, record))


def counted(outcome: Outcome, location: str) -> Answer:
    """The record after a PUT: 201 if the PUT created it, which makes version 1."""
    record = outcome.record
    body = record_body(record)
    headers = _change_headers(outcome, record)
    if record.version == 1:
        return json_answer(body, 201, (*headers, ("Location", location)))
    body["previousVersion"] = record.version - 1
    return json_answer(body, 200, headers)


def _change_headers(outcome: Outcome, record: Record) -> Headers:
    tag = ("ETag", entity_tag(record.version))
    return (tag, REPLAYED) if outcome.replayed else (tag,)
