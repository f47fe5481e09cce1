"""What each code of a problem tells a client: may the change have happened, and when is it worth repeating?

The table in run.md and `x-error-codes` in openapi.yaml say the same. A test holds all three, and everything that
answers with a code (the service, its HTTP parser, docs/nginx.conf), against each other.
"""

from collections.abc import Mapping
from typing import NamedTuple

NO, NOT_BY_THIS, BEFORE, OUTCOME = "no", "not by this request", "yes, by an earlier request", "see `outcome`"
CORRECTED, YES, NEVER = "corrected", "yes", "no"
AT_ONCE, LATER = "at once", "after `Retry-After`"
NONE, SAME, ANY, NEW = "–", "the same", "the same or another", "another"


class Code(NamedTuple):
    """One code.

    :ivar statuses: those that it comes with.
    :ivar happened: whether the change may have happened. ``no``: neither by this request nor, under its key, by an
        earlier one; ``not by this request``: the key was not looked up, because the request is wrong by itself;
        ``yes, by an earlier request``: it was done, under this key or as a whole, and is not done again.
    :ivar repeat: whether repeating makes sense. :ivar when: from when on. :ivar key: with which Idempotency-Key.
    :ivar next_step: what a client does next: the member ``nextStep``, where an error has no better one.
    """

    statuses: tuple[int, ...]
    happened: str
    repeat: str
    when: str
    key: str
    next_step: str


def _wrong(status: int, next_step: str) -> Code:
    return Code((status,), NOT_BY_THIS, CORRECTED, AT_ONCE, ANY, next_step)


def _refused(status: int, when: str, next_step: str, repeat: str = CORRECTED) -> Code:
    return Code((status,), NO, repeat, when, NONE if repeat == NEVER else ANY, next_step)


def _later(status: int, next_step: str, when: str = LATER) -> Code:
    return Code((status,), OUTCOME, YES, when, SAME, next_step)


_REPEAT = "Repeat the request after Retry-After, with the same Idempotency-Key if it had one."
_FIND_OUT = (
    "Repeat the change with the same Idempotency-Key. Without a key, read the record before you send the change again."
)

CODES: Mapping[str, Code] = {
    "validation_error": _wrong(400, "Correct the fields that are named in errors."),
    "malformed_json": _wrong(400, "Send a body that is one valid JSON text in UTF-8."),
    "idempotency_key_invalid": _wrong(400, "Send a key of 1 to 255 visible ASCII characters."),
    "bad_request": _wrong(400, "Correct the request."),
    "malformed_request": _wrong(400, "Send a request that conforms to HTTP/1.1 (RFC 9112)."),
    "not_found": _refused(
        404, "when it exists", "Check the names in the path and in the body; a PUT of the record creates it."
    ),
    "method_not_allowed": _wrong(405, "Use one of the methods in the header Allow."),
    "request_timeout": _later(408, "Send the whole request again, within CLIENT_TIMEOUT_MS.", AT_ONCE),
    "version_conflict": _refused(
        409, AT_ONCE, "Read it again; if the change still applies, send it with currentVersion."
    ),
    "insufficient_stock": _refused(
        409, "when the stock has changed", "Ask for at most what is available, or wait for more stock."
    ),
    "wrong_state": _refused(409, NONE, "Read the reservation; make a new one if the goods are still wanted.", NEVER),
    "exceeds_hold": _refused(409, AT_ONCE, "Name at most what the reservation still holds, or omit lines."),
    "quota_exceeded": _refused(
        409,
        "when there is room",
        "Ask the operator to raise the setting that quota names; open reservations can be committed or released.",
    ),
    "idempotency_conflict": Code(
        (409,), NOT_BY_THIS, YES, AT_ONCE, NEW, "Send this request with a new key: this one belongs to another request."
    ),
    "events_gone": _refused(
        410, AT_ONCE, "Ask for events from earliestSequence on; a follower of the feed starts over at startOver."
    ),
    "history_gone": Code(
        (410,),
        BEFORE,
        NEVER,
        NONE,
        NONE,
        "Treat the change as done; read the record, or find the reservation in the list.",
    ),
    "reservation_expired": _refused(410, NONE, "Make a new reservation if the goods are still wanted.", NEVER),
    "precondition_failed": _refused(412, AT_ONCE, "Omit If-None-Match to count the existing record."),
    "payload_too_large": _wrong(413, "Send a body of at most limit bytes; split a batch."),
    "uri_too_long": _wrong(414, "Send a shorter path and query."),
    "unsupported_media_type": _wrong(415, "Send the body as JSON, with Content-Type: application/json."),
    "expectation_failed": _wrong(417, "Send no Expect header other than 100-continue."),
    "rate_limited": _later(429, _REPEAT),
    "headers_too_large": _wrong(431, "Send fewer and shorter header fields."),
    "internal_error": _later(500, f"{_FIND_OUT} Report the requestId.", AT_ONCE),
    "not_implemented": _wrong(501, "Do not use CONNECT, or a transfer coding other than chunked."),
    "overloaded": _later(503, _REPEAT),
    "lock_contended": _later(503, _REPEAT)._replace(statuses=(409, 423, 429, 503)),
    "lock_lost": _later(503, _REPEAT),
    "read_only": _later(503, _REPEAT),
    "needs_operator": _later(503, "Tell the operator: operatorAction says what to do. " + _REPEAT),
    "storage_unavailable": _later(503, _REPEAT),
    "no_answer": _later(503, f"{_FIND_OUT} Wait for Retry-After."),
}
