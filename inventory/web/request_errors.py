"""What the HTTP layer itself refuses, before the service is asked. `errors` gives each a status."""

from collections.abc import Sequence

from inventory.domain.errors import FieldProblem, InventoryError, Unavailable


class RequestRefused(InventoryError):
    """The request cannot be understood. Nothing has changed."""


class MalformedJson(RequestRefused):
    """The body is not one JSON text."""

    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(f"the body is not valid JSON: {message}")
        self.problems = tuple(problems)


class RequestTimeout(RequestRefused):
    """The body has not been sent in time."""

    def __init__(self) -> None:
        super().__init__("the body was not sent in time")


class UnsupportedMediaType(RequestRefused):
    """The body is declared as something else than JSON."""

    def __init__(self, given: str) -> None:
        told = f"not {given[:100]!r}" if given else "and it must be given"
        super().__init__(f"Content-Type must be application/json, {told}")


class PayloadTooLarge(RequestRefused):
    """The body is longer than is taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class RateLimited(Unavailable):
    """The client has sent more changes, counted in operations, than it may; this one was not looked at.

    :ivar retry_after_ms: when the next one will be let through.
    """

    def __init__(self, rate: int, burst: int, retry_after_ms: int) -> None:
        told = f"more than {rate} operations a second, and {burst} at once, from one client"
        super().__init__(told, retry_after_ms=retry_after_ms)


class IdempotencyKeyInvalid(RequestRefused):
    """The Idempotency-Key header is not a key; everything else about the request is in order."""

    def __init__(self, problem: FieldProblem) -> None:
        super().__init__(f"{problem.field} {problem.message}")
        self.problems = (problem,)
