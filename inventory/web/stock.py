"""One record: read it, count it, adjust it, reserve from it."""

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import AdjustStock, CountStock, SetPolicy
from inventory.domain.errors import InventoryError
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Policy, Record
from inventory.service.event_ids import uuid7
from inventory.service.history import HistoryService
from inventory.service.ledger import Outcome
from inventory.web.answers import Answer
from inventory.web.hold_schemas import POLICY
from inventory.web.metrics import Metrics
from inventory.web.parse import Change, Read, parse_change, parse_read
from inventory.web.present import changed, counted, record_answer, unchanged
from inventory.web.schemas import ADJUST, COUNT, RESERVE

PATH = "/stores/<store>/inventory/<sku>"


def blueprint(services: Services, metrics: Metrics) -> Blueprint:
    """Make the views of one record."""
    views = Blueprint("stock", __name__)
    stock = services.stock

    def carry_out(command: Command, key: IdempotencyKey | None) -> Outcome:
        outcome = stock.change(command, key)
        if outcome.replayed:
            metrics.count_replay()
        return outcome

    @views.get(PATH)
    def read(store: str, sku: str) -> Answer:
        asked = parse_read(store, sku)
        record = _as_of(asked, services.history) if asked.as_of else stock.record(asked.item)
        return unchanged(record) if asked.condition.is_unchanged(record) else record_answer(record)

    @views.put(PATH)
    def count(store: str, sku: str) -> Answer:
        asked = parse_change(COUNT, store, sku)
        seen = _seen(asked, services.history)
        command = CountStock(asked.item, asked.body["on_hand"], asked.precondition, asked.note, seen)
        outcome = carry_out(command, asked.key)
        return counted(outcome, f"{request.root_path}/stores/{store}/inventory/{sku}")

    @views.post(f"{PATH}/adjust")
    def adjust(store: str, sku: str) -> Answer:
        asked = parse_change(ADJUST, store, sku)
        command = AdjustStock(asked.item, asked.body["delta"], asked.precondition, asked.note)
        outcome = carry_out(command, asked.key)
        return changed(outcome)

    @views.post(f"{PATH}/reserve")
    def reserve(store: str, sku: str) -> Answer:
        asked = parse_change(RESERVE, store, sku)
        reservation_id = uuid7(services.now())
        qty, ttl_ms = asked.body["qty"], asked.body.get("ttl_ms")
        command = reserve_one(asked.item, qty, reservation_id, asked.precondition, asked.note, ttl_ms)
        outcome = carry_out(command, asked.key)
        return changed(outcome)

    @views.put(f"{PATH}/policy")
    def policy(store: str, sku: str) -> Answer:
        asked = parse_change(POLICY, store, sku)
        wanted = Policy(asked.body.get("safety_stock", 0), asked.body.get("low_stock"))
        outcome = carry_out(SetPolicy(asked.item, wanted, asked.precondition, asked.note), asked.key)
        return changed(outcome)

    return views


def _as_of(asked: Read, history: HistoryService) -> Record:
    """The record as it was; both ways to say when must hold."""
    sequences: list[int] = []
    if "as_of_sequence" in asked.as_of:
        sequences.append(asked.as_of["as_of_sequence"])
    if "as_of" in asked.as_of:
        sequences.append(history.sequence_at(asked.as_of["as_of"]))
    return history.record_at(asked.item, min(sequences))


def _seen(asked: Change, history: HistoryService) -> int | InventoryError | None:
    """What was on hand at the version that was on the screen when the shelf was counted, or why nobody can say."""
    version = asked.body.get("counted_at_version")
    if version is None:
        return None
    # It has happened and stays what it was, so it may be looked up before the change is decided. An error is for
    # the decision: a retry whose count was accepted gets its first answer, though the version may be gone by now.
    try:
        return history.record_at_version(asked.item, version, "countedAtVersion").on_hand
    except InventoryError as error:
        return error
