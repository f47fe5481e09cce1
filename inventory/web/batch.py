"""``POST /inventory/batch``: up to 1,000 operations, as one event or one by one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, request
from marshmallow import ValidationError, fields, validate

from inventory.domain.commands import AdjustStock, CountStock, Note, WantedLine, at_version
from inventory.domain.errors import FieldProblem, IdempotencyConflict, InventoryError, Unavailable, ValidationFailed
from inventory.domain.events import COUNTED, Event, Line, record_after
from inventory.domain.hold_commands import AtomicBatch, HoldStock
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.values import ItemId, Sku, StoreId, format_instant
from inventory.service.event_ids import uuid7
from inventory.service.ports.change_queue import Outcome
from inventory.web.answers import Answer, json_answer
from inventory.web.deferred_answer import Deferred
from inventory.web.error_statuses import next_step, retry_after_ms, row_of
from inventory.web.idempotency_key import REPLAYED
from inventory.web.metrics import Metrics
from inventory.web.parse import parse_command
from inventory.web.records import AdjustSchema, CountSchema, ReserveSchema, record_body
from inventory.web.request_limits import RequestLimits
from inventory.web.schema_fields import NOT_NULL, REQUIRED_WORDS, StrictSchema, built, expected_version, identifier
from inventory.wiring.services import Services

MAX_OPERATIONS = 1000


class _Place(StrictSchema):
    """The fields of every operation."""

    op = fields.String(required=True)
    store_id = identifier("storeId", required=True)
    sku = identifier(required=True)


class _AdjustOperation(_Place, AdjustSchema):
    """An adjust of one record."""


class _ReserveOperation(_Place, ReserveSchema):
    """A hold of one line."""


class _CountOperation(_Place, CountSchema):
    """A count of one record; creates it if it does not exist. An operation has no If-Match."""

    expected_version = expected_version()

    class Meta(StrictSchema.Meta):
        exclude = ("counted_at_version",)


_OPERATIONS: Mapping[str, StrictSchema] = {
    "adjust": _AdjustOperation(),
    "reserve": _ReserveOperation(),
    "count": _CountOperation(),
}


class _Operation(fields.Field[dict[str, Any]]):
    """One operation, loaded by the schema that its ``op`` names."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be a JSON object")
        op = value.get("op")
        if not isinstance(op, str) or op not in _OPERATIONS:
            raise ValidationError({"op": [f"must be one of {', '.join(_OPERATIONS)}"]})
        loaded: dict[str, Any] = _OPERATIONS[op].load(value)
        return loaded


class _TrueOrFalse(fields.Field[bool]):
    """A JSON boolean. marshmallow's own also accepts 1 and 0."""

    default_error_messages = {"invalid": ""}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class BatchSchema(StrictSchema):
    """The body of POST /inventory/batch."""

    atomic = _TrueOrFalse(required=True, error_messages={**REQUIRED_WORDS, "invalid": "must be true or false"})
    operations = fields.List(
        _Operation(error_messages={"null": NOT_NULL}),
        required=True,
        validate=validate.Length(1, MAX_OPERATIONS, error="must have {min} to {max} operations"),
        error_messages={**REQUIRED_WORDS, "invalid": "must be a list"},
    )


BATCH = built(BatchSchema)

Operation = AdjustStock | CountStock | HoldStock
_ONE_HOLD = "must be the same in every reserve of an atomic batch, which makes one reservation"
_ONE_EVENT = "must be the same in every operation of an atomic batch that has it: the batch is one event"


def blueprint(services: Services, metrics: Metrics, limits: RequestLimits) -> Blueprint:
    """Make the view of batches."""
    views = Blueprint("batch", __name__)
    stock = services.stock

    @views.post("/inventory/batch")
    def batch() -> Answer | Deferred:
        asked = parse_command(BATCH, makes=True)
        given = asked.body["operations"]
        limits.charge(request.environ, len(given))
        if asked.body["atomic"]:
            note = _one_note(given, asked.note)
            one = uuid7(services.now())
            command = AtomicBatch(tuple(_operation(fields, note, one) for fields in given), note)
            return Deferred(
                stock.begin(command, asked.key), partial(atomic_results, command=command), metrics.count_replay
            )
        commands = [_operation(fields, _own_note(fields, asked.note), uuid7(services.now())) for fields in given]
        wanted = [(command, _key_of(asked.key, number)) for number, command in enumerate(commands)]
        return _results(stock.change_many(wanted, asked.key), asked.key, metrics)

    return views


def _operation(fields: dict[str, Any], note: Note, reservation_id: str) -> Operation:
    item = ItemId(StoreId(fields["store_id"]), Sku(fields["sku"]))
    condition = at_version(fields.get("expected_version"))
    match fields["op"]:
        case "adjust":
            return AdjustStock(item, fields["delta"], condition, note)
        case "count":
            return CountStock(item, fields["on_hand"], condition, note)
        case _:
            line = WantedLine(item, fields["qty"], condition)
            return HoldStock(reservation_id, (line,), fields.get("ttl_ms"), note)


def _own_note(fields: dict[str, Any], note: Note) -> Note:
    return note._replace(reason=fields.get("reason"), reference=fields.get("reference"))


def _one_note(operations: list[dict[str, Any]], note: Note) -> Note:
    """The note of the event of an atomic batch.

    :raises ValidationFailed: names each operation that differs from the first one that has the field.
    """
    reserves = {place: fields.get("ttl_ms") for place, fields in enumerate(operations) if fields["op"] == "reserve"}
    problems = _differing(reserves, "ttlMs", _ONE_HOLD)
    said: dict[str, str | None] = {}
    for name in ("reason", "reference"):
        given = {place: fields[name] for place, fields in enumerate(operations) if name in fields}
        problems += _differing(given, name, _ONE_EVENT)
        said[name] = next(iter(given.values()), None)
    if problems:
        raise ValidationFailed(problems)
    return note._replace(reason=said["reason"], reference=said["reference"])


def _differing(given: dict[int, Any], name: str, rule: str) -> list[FieldProblem]:
    first = next(iter(given.values()), None)
    return [FieldProblem(f"operations[{place}].{name}", rule) for place, value in given.items() if value != first]


def _key_of(key: IdempotencyKey | None, number: int) -> IdempotencyKey | None:
    """The key of one operation: a retry replays the done ones and runs the others. The hash is that of the batch."""
    return None if key is None else IdempotencyKey(f"{key.key}/{number}", key.hash, key.key)


def _results(found: list[Outcome | InventoryError], key: IdempotencyKey | None, metrics: Metrics) -> Answer:
    if key is not None and any(isinstance(one, IdempotencyConflict) for one in found):
        # No operation was applied, and the client knows only its own key.
        raise IdempotencyConflict(key.key)
    results, replayed = [], True
    for one in found:
        if isinstance(one, InventoryError):
            results.append(result_of_error(one, keyed=key is not None))
            replayed = False
        else:
            results.append(result_of_outcome(one))
            replayed = replayed and one.replayed
    if replayed:
        metrics.count_replay()
    return json_answer({"results": results}, 200, (REPLAYED,) if replayed else ())


def result_of_outcome(outcome: Outcome) -> dict[str, Any]:
    """The result of one operation with an event of its own, made from that event alone."""
    counted, held = outcome.event.type == COUNTED, outcome.event.reservation is not None
    return _result(outcome.event, outcome.record, counted=counted, held=held)


def result_of_error(error: InventoryError, *, keyed: bool) -> dict[str, Any]:
    """The result of an operation that was refused: the members of its problem."""
    row = row_of(error)
    result = {"status": row.status, "error": row.code, "message": str(error), "nextStep": next_step(error, row)}
    result |= row.extras(error)
    if isinstance(error, Unavailable):
        result["outcome"] = error.outcome_for(keyed=keyed)
        result["retryAfterMs"] = retry_after_ms(error)
    return result


def atomic_results(outcome: Outcome, command: AtomicBatch) -> Answer:
    """The results of an atomic batch: for each operation its record after the event."""
    event = outcome.event
    line_of: dict[object, Line] = {line.item: line for line in event.lines}
    results = []
    for operation in command.operations:
        counted, held = isinstance(operation, CountStock), isinstance(operation, HoldStock)
        item = operation.lines[0].item if isinstance(operation, HoldStock) else operation.item
        results.append(
            _result(event, record_after(line_of[item], event.sequence, event.at), counted=counted, held=held)
        )
    body = {"sequence": event.sequence, "results": results}
    return json_answer(body, 200, (REPLAYED,) if outcome.replayed else ())


def _result(event: Event, record: Record, *, counted: bool, held: bool) -> dict[str, Any]:
    made = counted and record.version == 1
    result: dict[str, Any] = {"status": 201 if made else 200, "record": record_body(record)}
    if held and event.reservation is not None:
        result["reservationId"] = event.reservation.reservation_id
        if event.reservation.expires_at is not None:
            result["expiresAt"] = format_instant(event.reservation.expires_at)
    return result
