"""The one table from errors to answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from inventory.domain import errors as domain
from inventory.domain import hold_errors as holds
from inventory.domain.decide_batch import OperationRefused
from inventory.service.clock_lead import AsOfUncertain
from inventory.service.ports.event_history import EventsGone, FeedAhead, FeedGone, HistoryGone
from inventory.service.quotas import QuotaExceeded
from inventory.web import request_errors as refusals
from inventory.web.answers import Headers
from inventory.web.conditional import entity_tag
from inventory.web.error_codes import CODES

Extras = Callable[[Any], dict[str, Any]]


class Row(NamedTuple):
    """The answer to one kind of error.

    :ivar code: stable, for programs; ``CODES`` has its title.
    :ivar extras: further members of the body. :ivar headers: further headers.
    """

    status: int
    code: str
    extras: Extras = lambda _: {}
    headers: Callable[[Any], Headers] = lambda _: ()


def _problems(error: Any) -> dict[str, Any]:
    problems: Sequence[domain.FieldProblem] = error.problems
    return {"errors": [{"field": readable(field), "message": text} for field, text in problems]}


def _problems_if_any(error: Any) -> dict[str, Any]:
    return _problems(error) if error.problems else {}


def _item(error: Any) -> dict[str, Any]:
    return {"storeId": error.item.store, "sku": error.item.sku}


def _current_version(error: Any) -> dict[str, Any]:
    return {**_item(error), "currentVersion": error.current_version}


def _tag(error: Any) -> Headers:
    return (("ETag", entity_tag(error.current_version)),)


def _shortage(error: Any) -> dict[str, Any]:
    return {**_item(error), "requested": error.requested, "available": error.available}


def _shortages(error: Any) -> list[dict[str, Any]]:
    return [
        {"storeId": item.store, "sku": item.sku, "requested": requested, "available": available}
        for item, requested, available in error.shortages
    ]


def _short_lines(error: Any) -> dict[str, Any]:
    return {**_shortage(error), "lines": _shortages(error)}


def _missing(error: Any) -> dict[str, Any]:
    return {**_item(error), "lines": [{"storeId": item.store, "sku": item.sku} for item in error.items]}


def _gone(error: Any) -> dict[str, Any]:
    return {"earliestSequence": error.earliest}


_START_OVER = {"startOver": "/stores"}


def _reservation(error: Any) -> dict[str, Any]:
    return {"reservationId": error.reservation_id}


def retry_after_ms(error: Exception) -> int | None:
    """When a retry makes sense, in milliseconds, at least 1; ``None`` if waiting alone does not help."""
    return max(1, error.retry_after_ms) if isinstance(error, domain.Unavailable) else None


def _retry_after(error: Any) -> Headers:
    return (("Retry-After", str(max(1, -(-error.retry_after_ms // 1000)))),)


def _sku(error: Any) -> dict[str, Any]:
    return {"sku": error.sku}


def _lock_key(error: Any) -> Headers:
    return (*_retry_after(error), ("X-Lock-Key", error.sku))


def readable(text: str, at_most: int = 200) -> str:
    """Shorten a client's text for an answer, and escape what UTF-8 cannot express."""
    # A JSON key may contain a lone surrogate.
    shown = text.encode(errors="backslashreplace").decode()
    return shown if len(shown) <= at_most else f"{shown[:at_most]}…"


TABLE: Mapping[type[Exception], Row] = {
    domain.ValidationFailed: Row(400, "validation_error", _problems),
    FeedAhead: Row(400, "validation_error", lambda error: {**_problems(error), **_START_OVER}),
    AsOfUncertain: Row(
        400,
        "validation_error",
        lambda error: {**_problems(error), "clockAheadMs": error.clock_ahead_ms},
    ),
    refusals.MalformedJson: Row(400, "malformed_json", _problems_if_any),
    refusals.IdempotencyKeyInvalid: Row(400, "idempotency_key_invalid", _problems),
    domain.ItemNotFound: Row(404, "not_found", _item),
    domain.SkuNotFound: Row(404, "not_found", _sku),
    domain.StoreNotFound: Row(404, "not_found", lambda error: {"storeId": error.store}),
    refusals.RequestTimeout: Row(408, "request_timeout"),
    domain.VersionConflict: Row(409, "version_conflict", _current_version, _tag),
    domain.InsufficientStock: Row(409, "insufficient_stock", _short_lines),
    EventsGone: Row(410, "events_gone", _gone),
    FeedGone: Row(410, "events_gone", lambda error: {**_gone(error), **_START_OVER}),
    HistoryGone: Row(
        410,
        "history_gone",
        lambda error: {} if error.reservation_id is None else _reservation(error),
    ),
    domain.ItemsNotFound: Row(404, "not_found", _missing),
    holds.ReservationNotFound: Row(404, "not_found", _reservation),
    holds.ReservationExpired: Row(410, "reservation_expired", _reservation),
    holds.WrongState: Row(
        409,
        "wrong_state",
        lambda error: {**_reservation(error), "state": error.state},
    ),
    holds.ReservationMoved: Row(
        409,
        "version_conflict",
        lambda error: {**_reservation(error), "currentVersion": error.current_version},
        _tag,
    ),
    holds.ExceedsHold: Row(
        409,
        "exceeds_hold",
        lambda error: {**_reservation(error), "lines": _shortages(error)},
    ),
    holds.PromisedStockMissing: Row(
        409, "insufficient_stock", lambda error: {**_reservation(error), **_short_lines(error)}
    ),
    domain.IdempotencyConflict: Row(
        409,
        "idempotency_conflict",
        lambda error: {"key": error.key},
    ),
    QuotaExceeded: Row(
        409,
        "quota_exceeded",
        lambda error: {"quota": error.quota, "limit": error.limit, "current": error.current},
    ),
    domain.AlreadyExists: Row(412, "precondition_failed", _current_version, _tag),
    refusals.PayloadTooLarge: Row(413, "payload_too_large", lambda error: {"limit": error.limit}),
    refusals.UnsupportedMediaType: Row(415, "unsupported_media_type"),
    refusals.RateLimited: Row(429, "rate_limited", headers=_retry_after),
    domain.CountOvertaken: Row(503, "overloaded", headers=_retry_after),
    domain.Overloaded: Row(503, "overloaded", headers=_retry_after),
    domain.LockContended: Row(503, "lock_contended", _sku, _lock_key),
    domain.LockLost: Row(503, "lock_lost", _sku, _retry_after),
    domain.ReadOnly: Row(503, "read_only", headers=_retry_after),
    domain.NeedsOperator: Row(
        503,
        "needs_operator",
        lambda error: {"operatorAction": error.action},
        _retry_after,
    ),
    domain.StorageTimeout: Row(503, "storage_unavailable", headers=_retry_after),
    domain.StorageUnavailable: Row(503, "storage_unavailable", headers=_retry_after),
}

ROUTING: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}
"""The codes of the refusals of Flask and werkzeug."""
UNKNOWN_PATH = "Check the path; GET /openapi.json lists all paths."
"""What a client does next that asked for a path that no resource has."""

INTERNAL = Row(500, "internal_error")


def row_of(error: Exception) -> Row:
    """Find the row of an error, or that of its nearest base class; ``INTERNAL`` if there is none."""
    if isinstance(error, OperationRefused):
        return _of_operation(row_of(error.refusal))
    for kind in type(error).__mro__:
        if kind in TABLE:
            row = TABLE[kind]
            # The only status that is a setting.
            return row._replace(status=error.reject_status) if isinstance(error, domain.LockContended) else row
    return INTERNAL


def next_step(error: Exception, row: Row) -> str:
    """What a client does next after this error."""
    refusal = error.refusal if isinstance(error, OperationRefused) else error
    if isinstance(refusal, holds.PromisedStockMissing):
        return refusal.next_step
    return CODES[row.code].next_step


def _of_operation(row: Row) -> Row:
    """The row of a refusal inside a batch, with the number of the operation and without headers."""
    return row._replace(
        extras=lambda error: {**row.extras(error.refusal), "operation": error.operation},
        headers=lambda _: (),
    )
