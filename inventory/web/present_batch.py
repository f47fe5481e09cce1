"""Batches as clients see them: one result for each operation, in order."""

from typing import Any

from inventory.domain.commands import CountStock
from inventory.domain.errors import InventoryError, Unavailable
from inventory.domain.events import COUNTED, Event, Line, record_after
from inventory.domain.hold_commands import AtomicBatch, HoldStock
from inventory.domain.record import Record
from inventory.domain.values import format_instant
from inventory.service.ports.change_queue import Outcome
from inventory.web.answers import Answer, json_answer
from inventory.web.errors import next_step, retry_after_ms, row_of
from inventory.web.present import REPLAYED, record_body


def result_of_outcome(outcome: Outcome) -> dict[str, Any]:
    """What a change of its own did. Made from its event alone."""
    counted, held = outcome.event.type == COUNTED, outcome.event.reservation is not None
    return _result(outcome.event, outcome.record, counted=counted, held=held)


def result_of_error(error: InventoryError, *, keyed: bool) -> dict[str, Any]:
    """Why an operation was not carried out, as its problem says it."""
    row = row_of(error)
    result = {"status": row.status, "error": row.code, "message": str(error), "nextStep": next_step(error, row)}
    result |= row.extras(error)
    if isinstance(error, Unavailable):
        result["outcome"] = error.outcome_for(keyed=keyed)
        result["retryAfterMs"] = retry_after_ms(error)
    return result


def atomic_results(outcome: Outcome, command: AtomicBatch) -> Answer:
    """What each operation of one event did: its record as the event left it, the same for two of one record."""
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
