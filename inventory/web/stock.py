"""One record: read it, count it, adjust it, reserve from it."""

from functools import partial

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import AdjustStock, CountStock, SetPolicy
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Policy, Record
from inventory.service.event_ids import uuid7
from inventory.service.history import HistoryService
from inventory.service.ports.change_queue import Settled, Ticket
from inventory.service.shelf_count import count_at_version
from inventory.web.answers import Answer
from inventory.web.deferred import Deferred
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

    def carry_out(command: Command, key: IdempotencyKey | None) -> Deferred:
        return Deferred(stock.begin(command, key), changed, metrics.count_replay)

    def begin_count(command: CountStock, asked: Change) -> Ticket:
        version = asked.body.get("counted_at_version")
        if version is None:
            return stock.begin(command, asked.key)
        carried_out = count_at_version(command, version, services.history, lambda count: stock.change(count, asked.key))
        return Settled(carried_out)

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

    @views.put(f"{PATH}/policy")
    def policy(store: str, sku: str) -> Deferred:
        asked = parse_change(POLICY, store, sku)
        wanted = Policy(asked.body.get("safety_stock", 0), asked.body.get("low_stock"))
        return carry_out(SetPolicy(asked.item, wanted, asked.precondition, asked.note), asked.key)

    return views


def _as_of(asked: Read, history: HistoryService) -> Record:
    """The record as it was; both ways to say when must hold."""
    return history.record_at(asked.item, sequence=asked.as_of.get("as_of_sequence"), at=asked.as_of.get("as_of"))
