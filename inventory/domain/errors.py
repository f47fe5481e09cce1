"""The refusals of the service. Errors carry data; `web/error_statuses` gives them a status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from inventory.domain.values import ItemId

FailureOutcome = Literal["none", "unknown"]
OPERATOR_RETRY_MS = 30_000
"""How long a client waits before it asks again whether an operator has fixed the cause."""


class FieldProblem(NamedTuple):
    """One invalid field of a request and what it should be."""

    field: str
    message: str


class InventoryError(Exception):
    """The base class of the errors that this service raises on purpose."""


class Refusal(InventoryError):
    """The command is valid, but not possible. Nothing has changed."""


class ValidationFailed(Refusal):
    """The command breaks a rule that does not depend on the stock."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)


class ItemNotFound(Refusal):
    """No event has ever named this store and SKU."""

    def __init__(self, item: ItemId) -> None:
        super().__init__(f"store {item.store} has no SKU {item.sku}")
        self.item = item


class SkuNotFound(Refusal):
    """No store has this SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"no store has the SKU {sku}")
        self.sku = sku


class StoreNotFound(Refusal):
    """No event has ever named this store."""

    def __init__(self, store: str) -> None:
        super().__init__(f"there is no store {store}")
        self.store = store


class VersionConflict(Refusal):
    """The record has changed since the caller read it."""

    def __init__(self, item: ItemId, current_version: int, expected: Sequence[int]) -> None:
        wanted = " or ".join(str(version) for version in expected)
        told = f"expected {wanted}" if wanted else "but the expected versions contradict each other"
        super().__init__(f"{item.sku} in {item.store} is at version {current_version}, {told}")
        self.item = item
        self.current_version = current_version
        self.expected = tuple(expected)


class Shortage(NamedTuple):
    """One line that asks for more units than are available."""

    item: ItemId
    requested: int
    available: int


class InsufficientStock(Refusal):
    """The change needs more units than are available.

    :ivar shortages: every line that is short; ``item``, ``requested`` and ``available`` are those of the first.
    """

    def __init__(self, item: ItemId, requested: int, available: int, *, more: Sequence[Shortage] = ()) -> None:
        self.shortages = (Shortage(item, requested, available), *more)
        super().__init__(
            "; ".join(
                f"{short.item.sku} in {short.item.store}: {short.requested} requested, {short.available} available"
                for short in self.shortages
            )
        )
        self.item = item
        self.requested = requested
        self.available = available


class ItemsNotFound(Refusal):
    """No event has ever named these items; ``item`` is the first of them."""

    def __init__(self, items: Sequence[ItemId]) -> None:
        super().__init__("; ".join(f"store {item.store} has no SKU {item.sku}" for item in items))
        self.item = items[0]
        self.items = tuple(items)


class AlreadyExists(Refusal):
    """The caller asked to create a record that exists (RFC 9110 section 13.1.2, ``If-None-Match: *``)."""

    def __init__(self, item: ItemId, current_version: int) -> None:
        super().__init__(f"{item.sku} in {item.store} already exists, at version {current_version}")
        self.item = item
        self.current_version = current_version


class SettlementRefused(Refusal):
    """There is no such dead letter, or it cannot be settled in this way; the message says which."""


class IdempotencyConflict(Refusal):
    """The key was used before for a request with different content."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key!r} was used for a request with different content")
        self.key = key


class Unavailable(InventoryError):
    """The service cannot carry out the command now.

    :ivar outcome: whether this attempt may have changed something.
    :ivar key_looked_up: whether its key was first looked up in the complete log, and was unused.
    :ivar retry_after_ms: when a retry makes sense.
    """

    outcome: FailureOutcome = "none"
    key_looked_up = False

    def __init__(self, message: str, *, retry_after_ms: int = 1000) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms

    def outcome_for(self, *, keyed: bool) -> FailureOutcome:
        """Whether the change may have happened, by this attempt or by an earlier one under the same key.

        :param keyed: whether the change has a key. Without one there is no earlier attempt.
        """
        return "none" if self.outcome == "none" and (self.key_looked_up or not keyed) else "unknown"


class Overloaded(Unavailable):
    """Too much work is waiting; this request was not begun."""


class CountOvertaken(Overloaded):
    """The record has changed since the service looked up what to compare the count with. A retry may succeed."""

    def __init__(self, item: ItemId) -> None:
        super().__init__(f"{item.sku} in {item.store} is changing too fast for this count; send it again")


class ReadOnly(Unavailable):
    """Changes are refused for a while; this ends by itself. Reads continue."""


class LockContended(Unavailable):
    """Another change of this SKU is in progress; this one was not begun.

    :ivar reject_status: the HTTP status of the refusal, from the setting LOCK_REJECT_STATUS.
    """

    def __init__(self, sku: str, *, retry_after_ms: int, reject_status: int = 503) -> None:
        super().__init__(f"another change of SKU {sku} is in progress", retry_after_ms=retry_after_ms)
        self.sku = sku
        self.reject_status = reject_status


class LockLost(Unavailable):
    """The lease of this SKU expired before the change was made; nothing has changed."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"the lease of SKU {sku} expired before the change was made")
        self.sku = sku


class StorageUnavailable(Unavailable):
    """The event log could not be read, extended or made durable."""

    def __init__(self, message: str, *, outcome: FailureOutcome, retry_after_ms: int = 1000) -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)
        self.outcome = outcome


class StorageTimeout(StorageUnavailable):
    """Storage did not answer within the time that the caller waits. It may only be slow, so this is not a failure."""


class NeedsOperator(StorageUnavailable):
    """Changes are refused until an operator has fixed the cause; reads of durable events continue.

    :ivar action: what the operator has to do.
    """

    def __init__(self, message: str, action: str, *, outcome: FailureOutcome = "none") -> None:
        super().__init__(message, outcome=outcome, retry_after_ms=OPERATOR_RETRY_MS)
        self.action = action


def for_people(error: Exception) -> str:
    """The text of an error in a command's output or in the log, with the operator's action if it needs one."""
    return f"{error}; {error.action}" if isinstance(error, NeedsOperator) else str(error)
