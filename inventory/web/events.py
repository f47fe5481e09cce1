"""The feed of events: in pages, with a wait for news, or as a stream; and the history of a record."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from flask import Blueprint, Response, request

from inventory.bootstrap.services import Services
from inventory.domain.errors import FieldProblem, InventoryError, Overloaded, ValidationFailed
from inventory.resilience.bulkhead import Bulkhead
from inventory.service.history import HistoryService
from inventory.web.answers import Answer
from inventory.web.event_schemas import FEED, HISTORY
from inventory.web.large_reads import LargeReads
from inventory.web.parse import parse_item_query, parse_query
from inventory.web.present_events import event_body, event_page, history_page

STREAM = "text/event-stream"
HEARTBEAT_SECONDS = 10.0
STREAM_SECONDS = 300.0
"""After so long a stream ends, and its reader comes back with Last-Event-ID (the standard's own way)."""
LAST_SEEN = "Last-Event-ID"
_AT_ONCE = 100
_log = logging.getLogger(__name__)


def blueprint(services: Services, large: LargeReads) -> Blueprint:
    """Make the views of what has happened."""
    views = Blueprint("events", __name__)
    history = services.history
    # Whoever waits holds a thread: the others stay free for those who have something to do, and an only one too.
    threads = services.settings.threads
    waiting = Bulkhead(threads // 4 or min(1, threads - 1))

    @views.get("/events")
    def feed() -> Answer | Response:
        asked = parse_query(FEED)
        if request.accept_mimetypes.best_match(("application/json", STREAM)) == STREAM:
            return _stream(history, waiting, *_last_seen(asked), services.stopping.is_set)
        after, limit, wait = asked.get("after", 0), asked.get("limit", _AT_ONCE), asked.get("wait", 0)
        if wait and not history.has_more(after):
            # No empty page at once: whoever is given one asks again at once.
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
    """Where a stream goes on, and where that was said: what a reader that comes back says goes before the query."""
    text = request.headers.get(LAST_SEEN)
    if text is None:
        return asked.get("after", 0), "after"
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValidationFailed((FieldProblem(LAST_SEEN, "must be the id of an event of this stream"),))
    return int(text), LAST_SEEN


def _stream(
    history: HistoryService, waiting: Bulkhead, after: int, asked_in: str, stopping: Callable[[], bool]
) -> Response:
    page = history.page(after, _AT_ONCE, asked_in)  # what is wrong with `after` is told before the stream begins
    _enter(waiting)

    headers = {"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(_messages(history, page.events, after, stopping), 200, headers)
    # Also where nothing of it is ever sent; a generator that never began would not notice.
    response.call_on_close(waiting.leave)
    return response


def _enter(waiting: Bulkhead) -> None:
    if not waiting.enter():
        raise Overloaded("as many as may be are waiting for events already")


def _messages(history: HistoryService, events: Any, after: int, stopping: Callable[[], bool]) -> Iterator[bytes]:
    """What a stream says. Whatever is the matter later ends it: its reader comes back, and is told in an answer."""
    until = time.monotonic() + STREAM_SECONDS
    yield b": the stream of events\n\n"
    while True:
        for event in events:
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                event.sequence,
                event.type.encode(),
                orjson.dumps(event_body(event)),
            )
            after = event.sequence
        if stopping() or time.monotonic() >= until:
            return
        try:
            there_are_more = history.wait_for(after, HEARTBEAT_SECONDS, stopping=stopping)
            events = history.page(after, _AT_ONCE).events
        except InventoryError as error:
            _log.warning("a stream of events has ended", extra={"after": after, "reason": str(error)})
            return
        if not there_are_more:
            # Also how it is found out that nobody listens any more: the write fails.
            yield b": still here\n\n"
