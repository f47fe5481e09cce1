"""``GET /events`` (the feed, as pages or a stream) and the history of a record."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from flask import Blueprint, Response, request

from inventory.domain.errors import FieldProblem, InventoryError, Overloaded, ValidationFailed
from inventory.domain.events import POLICY_SET, Event, Line
from inventory.domain.record import Policy, Record
from inventory.domain.values import format_instant
from inventory.resilience.bulkhead import Bulkhead
from inventory.service.history import HistoryService
from inventory.service.ports.event_history import EventPage, HistoryPage, Step
from inventory.web.answers import Answer, json_answer
from inventory.web.pages import MAX_PAGE, fitted, withheld_after
from inventory.web.parse import parse_item_query, parse_query
from inventory.web.request_limits import LargeRead, LargeReads
from inventory.web.reservations import reservation_body, step_body
from inventory.web.schema_fields import MAX_VERSION, StrictSchema, between, built, query_integer
from inventory.wiring.services import Services

MAX_WAIT_SECONDS = 25
"""Shorter than proxies wait for an answer (nginx: 60 s), and than the time that a server has to shut down."""


class FeedSchema(StrictSchema):
    """The query of the feed."""

    after = query_integer(between(0, MAX_VERSION))
    limit = query_integer(between(1, MAX_PAGE))
    wait = query_integer(between(0, MAX_WAIT_SECONDS))


class HistorySchema(StrictSchema):
    """The query of the history of a record."""

    limit = query_integer(between(1, MAX_PAGE))
    before = query_integer(between(1, MAX_VERSION), data_key="cursor")


FEED = built(FeedSchema)
HISTORY = built(HistorySchema)

STREAM = "text/event-stream"
HEARTBEAT_SECONDS = 10.0
STREAM_SECONDS = 300.0
"""After this time a stream ends, and its client reconnects with Last-Event-ID, as the standard says."""
LAST_SEEN = "Last-Event-ID"
_AT_ONCE = 100
_log = logging.getLogger(__name__)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the views of the feed and of histories."""
    views = Blueprint("events", __name__)
    history = services.history
    # A client that waits occupies a thread. Other threads stay free for other work, as does a single one.
    threads = services.settings.threads
    waiting = Bulkhead(threads // 4 or min(1, threads - 1))

    @views.get("/events")
    def feed() -> Answer | Response:
        asked = parse_query(FEED)
        if request.accept_mimetypes.best_match(("application/json", STREAM)) == STREAM:
            return _stream(history, waiting, *_last_seen(asked), services.stopping.is_set)
        after, limit, wait = asked.get("after", 0), asked.get("limit", _AT_ONCE), asked.get("wait", 0)
        if wait and not history.has_more(after):
            # No empty page at once: its client would ask again at once.
            _enter(waiting)
            try:
                history.wait_for(after, wait, stopping=services.stopping.is_set)
            finally:
                waiting.leave()
        with large.reading() as read:
            return event_page(history.page(after, limit, before_reading=read.has), after, read)

    @views.get("/stores/<store>/inventory/<sku>/history")
    def of_record(store: str, sku: str) -> Answer:
        item, asked = parse_item_query(HISTORY, store, sku)
        with large.reading() as read:
            return history_page(history.of_record(item, asked.get("before"), asked.get("limit", _AT_ONCE)), read)

    return views


def _last_seen(asked: dict[str, Any]) -> tuple[int, str]:
    """The sequence after which a stream continues, and its source: ``Last-Event-ID`` overrides the query."""
    text = request.headers.get(LAST_SEEN)
    if text is None:
        return asked.get("after", 0), "after"
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValidationFailed((FieldProblem(LAST_SEEN, "must be the id of an event in this stream"),))
    return int(text), LAST_SEEN


def _stream(
    history: HistoryService, waiting: Bulkhead, after: int, asked_in: str, stopping: Callable[[], bool]
) -> Response:
    page = history.page(after, _AT_ONCE, asked_in)  # a wrong `after` is refused before the stream begins
    _enter(waiting)

    headers = {"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(_messages(history, page, after, stopping), 200, headers)
    # Also if nothing of it is ever sent: a generator that never started has no `finally`.
    response.call_on_close(waiting.leave)
    return response


def _enter(waiting: Bulkhead) -> None:
    if not waiting.enter():
        raise Overloaded("too many clients are waiting for events")


def _messages(history: HistoryService, page: EventPage, after: int, stopping: Callable[[], bool]) -> Iterator[bytes]:
    """The messages of a stream. A later error ends it: its client reconnects, and gets the error as an answer."""
    until = time.monotonic() + STREAM_SECONDS
    yield b": the stream of events\n\n"
    while True:
        for event in page.events:
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                event.sequence,
                event.type.encode(),
                orjson.dumps({**event_body(event), **_ids_body(page)}),
            )
            after = event.sequence
        if stopping() or time.monotonic() >= until:
            return
        try:
            there_are_more = history.wait_for(after, HEARTBEAT_SECONDS, stopping=stopping)
            page = history.page(after, _AT_ONCE)
        except InventoryError as error:
            _log.warning("an event stream ended early", extra={"after": after, "reason": str(error)})
            return
        if not there_are_more:
            # This also detects a client that has disconnected: the write fails.
            yield b": still here\n\n"


def event_body(event: Event) -> dict[str, Any]:
    """One event with all of its lines."""
    return {**_head(event), "lines": [line_body(line, event) for line in event.lines], **_hold(event)}


def _hold(event: Event) -> dict[str, Any]:
    if event.reservation is not None:
        return {"reservation": reservation_body(event.reservation)}
    return {} if event.step is None else {"reservation": step_body(event.step, event)}


def _head(event: Event) -> dict[str, Any]:
    note = event.note
    return {
        "sequence": event.sequence,
        "eventId": event.event_id,
        "type": event.type,
        "at": format_instant(event.at),
        "actor": note.actor,
        "requestId": note.request_id,
        "reason": note.reason,
        "reference": note.reference,
    }


def line_body(line: Line, event: Event) -> dict[str, Any]:
    """What an event did to one record. ``crossed``: ``low`` or ``restocked``, if it crossed the threshold."""
    policy_before = line.policy_before if event.type == POLICY_SET else line.policy
    before = _figures(line, event, line.on_hand_delta, line.reserved_delta, policy_before)
    after = _figures(line, event, 0, 0, line.policy)
    body: dict[str, Any] = {
        "storeId": line.item.store,
        "sku": line.item.sku,
        "version": line.version,
        "onHandDelta": line.on_hand_delta,
        "reservedDelta": line.reserved_delta,
        "before": _figures_body(before),
        "after": _figures_body(after),
    }
    if line.policy is not None:
        body["safetyStock"], body["lowStock"] = line.policy
    if any(policy is not None and policy.low_stock is not None for policy in (policy_before, line.policy)):
        was, is_low = before.is_low, after.is_low
        body["crossed"] = None if was == is_low else "low" if is_low else "restocked"
    return body


def event_page(page: EventPage, after: int, read: LargeRead) -> Answer:
    """Events in order. There is always a cursor, even if there are no later events yet."""
    items = fitted(page.events, event_body, read)
    last = page.events[items.many - 1].sequence if items.many else after
    body = {"items": items.encoded, "nextCursor": str(last), "asOfSequence": page.as_of_sequence, **_ids_body(page)}
    return json_answer(body, headers=withheld_after(page))


def _ids_body(page: EventPage) -> dict[str, str | None]:
    return {"ledgerId": page.ids.ledger_id, "timelineId": page.ids.timeline_id}


def history_page(page: HistoryPage, read: LargeRead) -> Answer:
    """Steps of one record, the latest first."""
    items = fitted(page.steps, _step_body, read)
    is_cut = items.many < len(page.steps)
    before = page.steps[items.many - 1].line.previous if is_cut else page.next_before
    cursor = None if before is None else str(before)
    body = {"items": items.encoded, "nextCursor": cursor, "asOfSequence": page.as_of_sequence}
    return json_answer(body, headers=withheld_after(page))


def _step_body(step: Step) -> dict[str, Any]:
    event, line = step
    # Of an event of several records, only its line of this record.
    return {**_head(event), **_hold(event), **line_body(line, event)}


def _figures(line: Line, event: Event, on_hand_delta: int, reserved_delta: int, policy: Policy | None) -> Record:
    on_hand, reserved = line.on_hand - on_hand_delta, line.reserved - reserved_delta
    return Record(line.item, on_hand, reserved, line.version, event.sequence, event.at, policy)


def _figures_body(record: Record) -> dict[str, int]:
    return {"onHand": record.on_hand, "reserved": record.reserved, "qty": record.qty, "available": record.available}
