"""From what the service returns to what a client is sent."""

from typing import Any

from inventory.domain.events import record_after
from inventory.domain.record import Record
from inventory.domain.values import format_instant
from inventory.eventlog.dead_letter_file import letter_as_json
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.dead_letter_store import NumberedLetter
from inventory.service.ports.published_views import SyncStatus
from inventory.service.ports.stock_reads import Page, SkuStock, StoreSummary
from inventory.service.sync import SyncResult
from inventory.web.answers import Answer, Headers, json_answer
from inventory.web.conditional import entity_tag
from inventory.web.cursor import cursor_of_name
from inventory.web.large_reads import LargeRead
from inventory.web.pages import fitted, page_answer, withheld_after

REPLAYED = ("Idempotent-Replayed", "true")


def record_body(record: Record) -> dict[str, Any]:
    """A record as clients see it."""
    (store, sku), on_hand, reserved, version, sequence, updated_at, policy = record
    body = {
        "storeId": store,
        "sku": sku,
        "qty": record.qty,
        "reserved": reserved,
        "onHand": on_hand,
        "version": version,
        "sequence": sequence,
        "updatedAt": format_instant(updated_at),
    }
    if policy is not None:
        body["available"], body["safetyStock"], body["lowStock"] = record.available, *policy
    if reserved > on_hand:
        body["oversoldBy"] = record.oversold_by
    return body


def record_answer(record: Record) -> Answer:
    """A record and its tag."""
    return json_answer(record_body(record), 200, (("ETag", entity_tag(record.version)),))


def unchanged(record: Record) -> Answer:
    """The reader has this version already."""
    return Answer(b"", 304, (("ETag", entity_tag(record.version)),))


def changed(outcome: Outcome) -> Answer:
    """The record after a change. Made from the event alone, so a replay is the same to the byte."""
    record = outcome.record
    body = record_body(record)
    reservation = outcome.event.reservation
    if reservation is not None:
        body["reservationId"] = reservation.reservation_id
        if reservation.expires_at is not None:
            body["expiresAt"] = format_instant(reservation.expires_at)
    return json_answer(body, 200, _change_headers(outcome, record))


def counted(outcome: Outcome, location: str) -> Answer:
    """The record after a PUT. Version 1 was made by it; any other was there at the version before."""
    record = outcome.record
    body = record_body(record)
    headers = _change_headers(outcome, record)
    if record.version == 1:
        return json_answer(body, 201, (*headers, ("Location", location)))
    body["previousVersion"] = record.version - 1
    return json_answer(body, 200, headers)


def transferred(outcome: Outcome) -> Answer:
    """What was moved, and every record that it changed: those it left first."""
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


def _change_headers(outcome: Outcome, record: Record) -> Headers:
    tag = ("ETag", entity_tag(record.version))
    return (tag, REPLAYED) if outcome.replayed else (tag,)


def store_page(page: Page[StoreSummary], read: LargeRead) -> Answer:
    """Part of the list of stores."""
    return page_answer(page, _store_body, lambda store: store.store, cursor_of_name, read)


def _store_body(store: StoreSummary) -> dict[str, Any]:
    return {"storeId": store.store, "skus": store.skus}


def record_page(page: Page[Record], read: LargeRead) -> Answer:
    """Part of a store's records."""
    return page_answer(page, record_body, lambda record: record.item.sku, cursor_of_name, read)


def letter_page(page: Page[NumberedLetter], read: LargeRead) -> Answer:
    """Part of the list of dead letters."""
    return page_answer(page, lambda one: letter_as_json(one.letter), lambda one: str(one.number), cursor_of_name, read)


def sku_answer(stock: SkuStock, read: LargeRead, *, with_lag: bool = False) -> Answer:
    """One SKU: the sums over all stores, and part of its records."""
    stores = fitted(stock.records, record_body, read)
    is_cut = stores.many < len(stock.records)
    next_after = stock.records[stores.many - 1].item.store if is_cut else stock.next_after
    body = {
        "sku": stock.sku,
        "qty": stock.totals.qty,
        "reserved": stock.totals.reserved,
        "onHand": stock.totals.on_hand,
        "stores": stores.encoded,
        "nextCursor": None if next_after is None else cursor_of_name(next_after),
        "asOfSequence": stock.as_of_sequence,
    }
    return json_answer({**body, "lagMs": stock.lag_ms} if with_lag else body, headers=withheld_after(stock))


def sync_result_body(result: SyncResult) -> dict[str, Any]:
    """What a pass on demand did."""
    return {"published": result.published, "asOfSequence": result.as_of_sequence, "tookMs": result.took_ms}


def sync_status_body(status: SyncStatus, sequence: int) -> dict[str, Any]:
    """What was published last, and how many of the ``sequence`` committed events came after it."""
    is_first_to_come = status.sequence < 0
    return {
        "asOfSequence": None if is_first_to_come else status.sequence,
        "publishedAt": None if is_first_to_come else format_instant(status.at),
        "tookMs": status.took_ms,
        "failures": status.failures,
        "pendingEvents": max(0, sequence - max(0, status.sequence)),
    }
