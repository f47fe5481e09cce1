"""Transfers: goods move from one store to another, all of them in one event."""

from flask import Blueprint, request

from inventory.bootstrap.services import Services
from inventory.domain.commands import TransferStock, WantedLine, at_version
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.web.deferred import Deferred
from inventory.web.gates import Gates
from inventory.web.hold_schemas import TRANSFER
from inventory.web.metrics import Metrics
from inventory.web.parse import parse_command
from inventory.web.present import transferred


def blueprint(services: Services, metrics: Metrics, gates: Gates) -> Blueprint:
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
        gates.charge(request.environ, len(lines))
        command = TransferStock(lines, asked.body["target"], asked.note)
        return Deferred(services.stock.begin(command, asked.key), transferred, metrics.count_replay)

    return views
