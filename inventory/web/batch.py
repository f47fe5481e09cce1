"""Many changes with one request: all of them as one event, or each for itself."""

from functools import partial
from typing import Any

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import AdjustStock, CountStock, Note, WantedLine, at_version
from inventory.domain.errors import FieldProblem, IdempotencyConflict, InventoryError, ValidationFailed
from inventory.domain.hold_commands import AtomicBatch, HoldStock
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.service.event_ids import uuid7
from inventory.service.ports.change_queue import Outcome
from inventory.web.answers import Answer, json_answer
from inventory.web.batch_schemas import BATCH
from inventory.web.deferred import Deferred
from inventory.web.gates import Gates
from inventory.web.metrics import Metrics
from inventory.web.parse import parse_command
from inventory.web.present import REPLAYED
from inventory.web.present_batch import atomic_results, result_of_error, result_of_outcome

Operation = AdjustStock | CountStock | HoldStock
_ONE_HOLD = "must be the same for every reserve of an atomic batch: they make one reservation"
_ONE_EVENT = "must be the same wherever an atomic batch has it: it makes one event"


def blueprint(services: Services, metrics: Metrics, gates: Gates) -> Blueprint:
    """Make the view of batches."""
    views = Blueprint("batch", __name__)
    stock = services.stock

    @views.post("/inventory/batch")
    def batch() -> Answer | Deferred:
        asked = parse_command(BATCH, makes=True)
        given = asked.body["operations"]
        gates.charge(request.environ, len(given))
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
    """The note of the one event that an atomic batch makes.

    :raises ValidationFailed: naming each operation that says something else than the first one that says it.
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
    """The key of one operation: a retry replays what is there, and runs what is missing. The hash is of the whole."""
    return None if key is None else IdempotencyKey(f"{key.key}/{number}", key.hash, key.key)


def _results(found: list[Outcome | InventoryError], key: IdempotencyKey | None, metrics: Metrics) -> Answer:
    if key is not None and any(isinstance(one, IdempotencyConflict) for one in found):
        # Nothing was carried out, and the client knows its own key only.
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
