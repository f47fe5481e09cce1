"""The HTTP interface of the stand-ins: the part of the service's that the benchmark uses, in the same form."""

from typing import Any

from flask import Flask, request

from bench.stand_ins.stock import Record, Refused, Stock

_RECORD = "/stores/<store>/inventory/<sku>"


def create_app(stock: Stock) -> Flask:
    """An app on one store of stock."""
    app = Flask("stand-in")

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok"}

    @app.put(_RECORD)
    def count(store: str, sku: str) -> dict[str, Any]:
        return _body(stock.count(store, sku, _whole_number("onHand")))

    @app.post(f"{_RECORD}/adjust")
    def adjust(store: str, sku: str) -> dict[str, Any]:
        return _body(stock.adjust(store, sku, _whole_number("delta"), request.headers.get("Idempotency-Key")))

    @app.get(_RECORD)
    def record(store: str, sku: str) -> dict[str, Any]:
        return _body(stock.record(store, sku))

    @app.get("/stores/<store>/inventory")
    def records(store: str) -> dict[str, Any]:
        # In one page: only the check at the end of a run asks for it.
        return {"items": [_body(record) for record in stock.records(store)], "nextCursor": None}

    @app.errorhandler(Refused)
    def refuse(refused: Refused) -> tuple[dict[str, Any], int]:
        return {"error": refused.code}, refused.status

    return app


def _whole_number(name: str) -> int:
    """The field of that name in the request's body."""
    body = request.get_json()
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(400, f"{name} must be a whole number")
    return value


def _body(record: Record) -> dict[str, Any]:
    """A record as the service shows it. Nothing is ever reserved here."""
    return {
        "storeId": record.store,
        "sku": record.sku,
        "qty": record.qty,
        "reserved": 0,
        "onHand": record.qty,
        "version": record.version,
        "updatedAt": record.updated_at.isoformat(),
    }
