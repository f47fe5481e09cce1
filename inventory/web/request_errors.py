"""Refusals of the HTTP layer, before the service is called. `errors` gives each a status."""

from collections.abc import Sequence

from inventory.domain.errors import FieldProblem, InventoryError, Unavailable


class RequestRefused(InventoryError):
    """The request is not valid. Nothing has changed."""


class MalformedJson(RequestRefused):
    """The body is not one JSON text."""

    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(f"the body is not valid JSON: {message}")
        self.problems = tuple(problems)


class RequestTimeout(RequestRefused):
    """The client did not send the body in time."""

    def __init__(self) -> None:
        super().__init__("the client did not send the body in time")


class UnsupportedMediaType(RequestRefused):
    """The body is not declared as JSON."""

    def __init__(self, given: str) -> None:
        told = f"not {given[:100]!r}" if given else "but there is none"
        super().__init__(f"Content-Type must be application/json, {told}")


class PayloadTooLarge(RequestRefused):
    """The body is too long."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class RateLimited(Unavailable):
    """The client has exceeded its rate of operations; this change was not read.

    :ivar retry_after_ms: when the service accepts the next one.
    """

    def __init__(self, rate: int, burst: int, retry_after_ms: int) -> None:
        told = f"the client exceeds {rate} operations a second and a burst of {burst}"
        super().__init__(told, retry_after_ms=retry_after_ms)


class IdempotencyKeyInvalid(RequestRefused):
    """The Idempotency-Key header is invalid; the rest of the request is valid."""

    def __init__(self, problem: FieldProblem) -> None:
        super().__init__(f"{problem.field} {problem.message}")
        self.problems = (problem,)
