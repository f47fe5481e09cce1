"""Events as clients see them: what changed, from what to what."""

from typing import Any

from inventory.domain.events import POLICY_SET, Event, Line
from inventory.domain.record import Policy, Record
from inventory.domain.values import format_instant
from inventory.service.ports.event_history import EventPage, HistoryPage, Step
from inventory.web.answers import Answer, json_answer
from inventory.web.large_reads import LargeRead
from inventory.web.pages import fitted, withheld_after
from inventory.web.present_holds import reservation_body, step_body


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
    """What an event did to one record. ``crossed``: ``low`` or ``restocked``, where it crossed the threshold."""
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
    """Events in order. Its cursor is the sequence to go on after, also where there is nothing more yet."""
    items = fitted(page.events, event_body, read)
    cursor = page.events[items.many - 1].sequence if items.many else after
    body = {"items": items.encoded, "nextCursor": cursor, "asOfSequence": page.as_of_sequence}
    return json_answer(body, headers=withheld_after(page))


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
    # Of an event of several records, what it did to this one.
    return {**_head(event), **_hold(event), **line_body(line, event)}


def _figures(line: Line, event: Event, on_hand_delta: int, reserved_delta: int, policy: Policy | None) -> Record:
    on_hand, reserved = line.on_hand - on_hand_delta, line.reserved - reserved_delta
    return Record(line.item, on_hand, reserved, line.version, event.sequence, event.at, policy)


def _figures_body(record: Record) -> dict[str, int]:
    return {"onHand": record.on_hand, "reserved": record.reserved, "qty": record.qty, "available": record.available}
