"""The yardstick of the benchmarks: views with the same surroundings that do nothing."""

from flask import Flask

from inventory.domain.record import Record
from inventory.domain.values import Instant, ItemId, Sku, StoreId
from inventory.web.answers import Answer, json_answer
from inventory.web.parse import parse_change
from inventory.web.records import ADJUST, parse_read, record_body

PATH = "/empty/<store>/<sku>"


def install(app: Flask) -> None:
    """Add ``POST`` and ``GET /empty/{store}/{sku}``: parse as adjust and read do, answer what never changes."""
    item = ItemId(StoreId("store-1"), Sku("sku-1"))
    record = Record(item, on_hand=1000, reserved=0, version=1, sequence=1, updated_at=Instant(1))
    body = json_answer(record_body(record)).body
    headers = (("ETag", '"1"'),)

    @app.post(PATH)
    def empty_adjust(store: str, sku: str) -> Answer:
        parse_change(ADJUST, store, sku)
        return Answer(body, 200, headers)

    @app.get(PATH)
    def empty_read(store: str, sku: str) -> Answer:
        parse_read(store, sku)
        return Answer(body, 200, headers)
