"""What each error code means for a client: whether the change may have happened, and when to repeat it.

docs/reference/errors.md is generated from this table, and `x-error-codes` in openapi.yaml has the same content. A test
compares all three with everything that answers with a code (the service, its HTTP parser, docs/nginx.conf).
"""

from collections.abc import Mapping

from inventory.web.error_meaning import (
    AT_ONCE,
    BEFORE,
    NEVER,
    NEW,
    NONE,
    NOT_BY_THIS,
    YES,
    Code,
    later,
    refused,
    wrong,
)

_REPEAT = "Repeat the request after Retry-After, with the same Idempotency-Key if it had one."
_FIND_OUT = (
    "Repeat the change with the same Idempotency-Key. Without a key, read the record before you send the change again."
)

CODES: Mapping[str, Code] = {
    "validation_error": wrong(
        400,
        "Invalid request fields",
        "Path, query, headers or body have invalid fields; `errors` names all of them.",
        "Correct the fields that are named in errors.",
    ),
    "malformed_json": wrong(
        400,
        "Body is not valid JSON",
        "The body is not one JSON text in UTF-8, or an object in it has a duplicate member.",
        "Send a body that is one valid JSON text in UTF-8.",
    ),
    "idempotency_key_invalid": wrong(
        400,
        "Invalid Idempotency-Key header",
        "The header `Idempotency-Key` is not a valid key.",
        "Send a key of 1 to 255 visible ASCII characters.",
    ),
    "bad_request": wrong(
        400, "Bad Request", "The request is invalid in a way that no other code names.", "Correct the request."
    ),
    "malformed_request": wrong(
        400,
        "Bad Request",
        "The bytes received are not a valid HTTP request.",
        "Send a request that conforms to HTTP/1.1 (RFC 9112).",
    ),
    "not_found": refused(
        404,
        "Not found",
        "The path, or a record, store, SKU or reservation in it or in the body, does not exist.",
        "when it exists",
        "Check the names in the path and in the body; a PUT of the record creates it.",
    ),
    "method_not_allowed": wrong(
        405,
        "Method Not Allowed",
        "The path exists, but does not support the method.",
        "Use one of the methods in the header Allow.",
    ),
    "request_timeout": later(
        408,
        "Request Timeout",
        "The client did not send the whole request within CLIENT_TIMEOUT_MS.",
        "Send the whole request again, within CLIENT_TIMEOUT_MS.",
        AT_ONCE,
    ),
    "version_conflict": refused(
        409,
        "Version conflict",
        "The record or reservation is not at the version that `If-Match` or `expectedVersion` names.",
        AT_ONCE,
        "Read it again; if the change still applies, send it with currentVersion.",
    ),
    "insufficient_stock": refused(
        409,
        "Insufficient stock",
        "Fewer units are available than the change needs; `lines` names every line that is short.",
        "when the stock has changed",
        "Ask for at most what is available, or wait for more stock.",
    ),
    "wrong_state": refused(
        409,
        "Reservation has already ended",
        "The reservation has already ended in another way: it was committed or released.",
        NONE,
        "Read the reservation; make a new one if the goods are still wanted.",
        NEVER,
    ),
    "exceeds_hold": refused(
        409,
        "Quantity exceeds the hold",
        "The request names more units than the reservation still holds; `lines` names where.",
        AT_ONCE,
        "Name at most what the reservation still holds, or omit lines.",
    ),
    "quota_exceeded": refused(
        409,
        "Quota exceeded",
        "The change would exceed MAX_RECORDS, MAX_STORES or MAX_OPEN_RESERVATIONS; `quota` names which.",
        "when there is room",
        "Ask the operator to raise the setting that quota names; open reservations can be committed or released.",
    ),
    "idempotency_conflict": Code(
        (409,),
        "Idempotency key was used for another request",
        "The idempotency key was used before, for a request with a different method, path or content.",
        NOT_BY_THIS,
        YES,
        AT_ONCE,
        NEW,
        "Send this request with a new key: this one belongs to another request.",
    ),
    "events_gone": refused(
        410,
        "Events no longer available",
        "The requested events were compacted, or deleted from the archive.",
        AT_ONCE,
        "Ask for events from earliestSequence on; a follower of the feed starts over at startOver.",
    ),
    "history_gone": Code(
        (410,),
        "Answer no longer available",
        "The event that holds the answer to this key, or the lines of the reservation, was deleted from the archive.",
        BEFORE,
        NEVER,
        NONE,
        NONE,
        "Treat the change as done; read the record, or find the reservation in the list.",
    ),
    "reservation_expired": refused(
        410,
        "Reservation has expired",
        "The reservation has expired, and its units are no longer held.",
        NONE,
        "Make a new reservation if the goods are still wanted.",
        NEVER,
    ),
    "precondition_failed": refused(
        412,
        "Record already exists",
        "The request has `If-None-Match: *`, but the record exists.",
        AT_ONCE,
        "Omit If-None-Match to count the existing record.",
    ),
    "payload_too_large": wrong(
        413,
        "Content Too Large",
        "The body is longer than `limit` bytes: 64 KiB, or 1 MiB for requests that may have many lines.",
        "Send a body of at most limit bytes; split a batch.",
    ),
    "uri_too_long": wrong(
        414, "URI Too Long", "The request line is longer than 4,094 bytes.", "Send a shorter path and query."
    ),
    "unsupported_media_type": wrong(
        415,
        "Unsupported Media Type",
        "The header `Content-Type` does not declare the body as JSON.",
        "Send the body as JSON, with Content-Type: application/json.",
    ),
    "expectation_failed": wrong(
        417,
        "Expectation Failed",
        "The header `Expect` asks for something other than `100-continue`.",
        "Send no Expect header other than 100-continue.",
    ),
    "rate_limited": later(
        429,
        "Too Many Requests",
        "The client sends more operations than RATE_LIMIT_RPS and RATE_LIMIT_BURST allow.",
        _REPEAT,
    ),
    "headers_too_large": wrong(
        431,
        "Request Header Fields Too Large",
        "A header field is longer than 8,190 bytes, or there are more than 64.",
        "Send fewer and shorter header fields.",
    ),
    "internal_error": later(
        500,
        "Internal Server Error",
        "An unexpected error in the service; its log has the cause under the `requestId`.",
        f"{_FIND_OUT} Report the requestId.",
        AT_ONCE,
    ),
    "not_implemented": wrong(
        501,
        "Not Implemented",
        "The method is `CONNECT`, or the transfer coding is not `chunked`.",
        "Do not use CONNECT, or a transfer coding other than chunked.",
    ),
    "overloaded": later(
        503,
        "Temporarily unavailable",
        "Too much work is waiting, or the change was not decided within COMMIT_WAIT_MS. It was not applied.",
        _REPEAT,
    ),
    "lock_contended": later(
        503,
        "SKU is being changed",
        "With LOCKS_ENABLED: another change holds the lease of the SKU that `X-Lock-Key` names.",
        _REPEAT,
    )._replace(statuses=(409, 423, 429, 503)),
    "lock_lost": later(
        503,
        "Temporarily unavailable",
        "With LOCKS_ENABLED: the lease of the SKU expired before the service decided the change.",
        _REPEAT,
    ),
    "read_only": later(
        503,
        "Temporarily unavailable",
        "Storage has failed repeatedly, and the circuit breaker is open. It closes when a probe succeeds.",
        _REPEAT,
    ),
    "needs_operator": later(
        503,
        "Operator action required",
        "Changes are refused until an operator has fixed the cause: a failed flush, a damaged or missing file, a record"
        " with a broken history, a newer log format.",
        "Tell the operator: operatorAction says what to do. " + _REPEAT,
    ),
    "storage_unavailable": later(
        503, "Temporarily unavailable", "The disk is full, fails, or did not answer within COMMIT_WAIT_MS.", _REPEAT
    ),
    "no_answer": later(
        503,
        "No answer from the service",
        "nginx, configured as in docs/nginx.conf, got no answer from the service.",
        f"{_FIND_OUT} Wait for Retry-After.",
    ),
}
