"""One record: read it, count it, adjust it, reserve from it."""

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import AdjustStock, CountStock, SetPolicy
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Policy, Record
from inventory.service.counting import count_at_version
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

    def carry_out_count(command: CountStock, asked: Change) -> Outcome:
        version = asked.body.get("counted_at_version")
        if version is None:
            return carry_out(command, asked.key)
        return count_at_version(command, version, services.history, lambda count: carry_out(count, asked.key))

    @views.get(PATH)
    def read(store: str, sku: str) -> Answer:
        asked = parse_read(store, sku)
        record = _as_of(asked, services.history) if asked.as_of else stock.record(asked.item)
        return unchanged(record) if asked.condition.is_unchanged(record) else record_answer(record)

    @views.put(PATH)
    def count(store: str, sku: str) -> Answer:
        asked = parse_change(COUNT, store, sku)
        command = CountStock(asked.item, asked.body["on_hand"], asked.precondition, asked.note)
        outcome = carry_out_count(command, asked)
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
    return history.record_at(asked.item, sequence=asked.as_of.get("as_of_sequence"), at=asked.as_of.get("as_of"))
