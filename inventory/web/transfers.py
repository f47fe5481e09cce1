"""``POST /transfers``: move units between stores."""

from flask import Blueprint, request

from inventory.domain.commands import TransferStock, WantedLine, at_version
from inventory.domain.events import record_after
from inventory.domain.values import MAX_QUANTITY, ItemId, Sku, StoreId, format_instant
from inventory.service.ports.change_queue import Outcome
from inventory.web.answers import Answer, json_answer
from inventory.web.deferred_answer import Deferred
from inventory.web.idempotency_key import REPLAYED
from inventory.web.metrics import Metrics
from inventory.web.parse import parse_command
from inventory.web.records import record_body
from inventory.web.request_limits import RequestLimits
from inventory.web.schema_fields import (
    StrictSchema,
    between,
    built,
    expected_version,
    identifier,
    lines_of,
    optional_text,
    whole_number,
)
from inventory.wiring.services import Services


class TransferLineSchema(StrictSchema):
    """Units of one SKU."""

    sku = identifier(required=True)
    qty = whole_number(between(1, MAX_QUANTITY), required=True)
    expected_version = expected_version()


class TransferSchema(StrictSchema):
    """The body of POST /transfers."""

    source = identifier("from", required=True)
    target = identifier("to", required=True)
    lines = lines_of(TransferLineSchema, required=True)
    reason = optional_text()
    reference = optional_text()


TRANSFER = built(TransferSchema)


def blueprint(services: Services, metrics: Metrics, limits: RequestLimits) -> Blueprint:
    """Make the view of transfers."""
    views = Blueprint("transfers", __name__)

    @views.post("/transfers")
    def transfer() -> Deferred:
        asked = parse_command(TRANSFER, makes=True)
        source = StoreId(asked.body["source"])
        lines = tuple(
            WantedLine(ItemId(source, Sku(line["sku"])), line["qty"], at_version(line.get("expected_version")))
            for line in asked.body["lines"]
        )
        limits.charge(request.environ, len(lines))
        command = TransferStock(lines, asked.body["target"], asked.note)
        return Deferred(services.stock.begin(command, asked.key), transferred, metrics.count_replay)

    return views


def transferred(outcome: Outcome) -> Answer:
    """The moved lines and every changed record: the sources first."""
    event = outcome.event
    leaving = [line for line in event.lines if line.on_hand_delta < 0]
    coming = next(line for line in event.lines if line.on_hand_delta > 0)
    body = {
        "transferId": event.event_id,
        "from": leaving[0].item.store,
        "to": coming.item.store,
        "lines": [{"sku": line.item.sku, "qty": -line.on_hand_delta} for line in leaving],
        "reference": event.note.reference,
        "sequence": event.sequence,
        "createdAt": format_instant(event.at),
        "records": [record_body(record_after(line, event.sequence, event.at)) for line in event.lines],
    }
    return json_answer(body, 201, (REPLAYED,) if outcome.replayed else ())
