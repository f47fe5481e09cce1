"""The limits of requests: the checks before a change is processed, and the bulkhead of large reads."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

from inventory.domain.errors import InventoryError, Overloaded
from inventory.resilience.bulkhead import Bulkhead, ByteBudget
from inventory.resilience.token_bucket import Grant, TokenBuckets
from inventory.web.client_address import ClientAddress
from inventory.web.metrics import Metrics
from inventory.web.request_body import announced_too_long, body_limit, may_be_large
from inventory.web.request_errors import PayloadTooLarge, RateLimited
from inventory.web.routing import PATH
from inventory.wiring.services import Services

MOST_BYTES = 4 * 1024 * 1024
"""The maximum size of the body of a list."""
MANY = 250
"""A read of more entries is large."""
LARGE_BYTES = 256 * 1024
"""So is one whose body has more bytes."""


class LargeReads:
    """Limits the number of concurrent large reads, and refuses them while clients do not read their answers."""

    def __init__(self, bulkhead: Bulkhead, unsent: ByteBudget, count_refused: Callable[[], None]) -> None:
        """:param unsent: the answers that clients have not read yet."""
        self._bulkhead = bulkhead
        self._unsent = unsent
        self._count_refused = count_refused

    def reading(self) -> "LargeRead":
        """Return one read, for a ``with`` block. It counts as small until ``has`` says otherwise."""
        return LargeRead(self)

    def enter(self) -> None:
        """Begin a large read. :raises Overloaded: there are too many."""
        if not self._bulkhead.enter():
            self._refuse("too many concurrent large reads; try again later, or request fewer entries")
        # Reads in progress are not counted there yet, and the answers of changes need room, too.
        if self._unsent.remaining < MOST_BYTES * (self._bulkhead.at_work + 1):
            self._bulkhead.leave()
            self._refuse("too many answers are waiting for slow clients; try again later, or request fewer entries")

    def leave(self) -> None:
        """End a large read."""
        self._bulkhead.leave()

    def _refuse(self, reason: str) -> None:
        self._count_refused()
        raise Overloaded(reason)


class LargeRead:
    """One read, which enters the bulkhead when it turns out to be large, and leaves it at the end of the block."""

    __slots__ = ("_is_large", "_reads")

    def __init__(self, reads: LargeReads) -> None:
        self._reads = reads
        self._is_large = False

    def __enter__(self) -> "LargeRead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_large:
            self._reads.leave()

    def has(self, entries: int = 0, size: int = 0) -> None:
        """Report the number of entries read, or of bytes in the body so far.

        :raises Overloaded: this makes the read a large one, and there are too many.
        """
        if not self._is_large and (entries > MANY or size > LARGE_BYTES):
            self._reads.enter()
            self._is_large = True


_SYNC = "/sync"
_LIMITS = "inventory.limits"
_SECOND = 1_000_000_000
LimitHeaders: TypeAlias = list[tuple[str, str]]
"""Headers for the answer, whatever it is; ``RequestLimits.charge`` may still change them."""


class Passage(NamedTuple):
    """The result of the checks.

    :ivar entered: the caller has to call ``leave`` when no thread works on the change any more.
    :ivar is_bulk: the caller has to call ``leave_bulk`` after the answer; a refusal is to be delayed.
    """

    refusal: InventoryError | None
    headers: LimitHeaders
    entered: bool = False
    is_bulk: bool = False


class RequestLimits:
    """In this order: the body's limit, the client's token bucket, the load shedder, the bulkheads.

    ``POST /sync`` does not count as a change: only the first two apply, and it has its own bulkhead.
    """

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._buckets = services.buckets
        self._shedder = services.shedder
        self._changes = services.changes
        self._bulk = services.bulk_changes
        self._metrics = metrics
        self._client = ClientAddress(services.settings.trusted_proxies)
        self._policy = _policy(services.buckets)

    def enter(self, environ: dict[str, Any]) -> Passage:
        """Run all checks. A change with many operations is charged for one here, and for the others in ``charge``."""
        headers: LimitHeaders = []
        if announced_too_long(environ):
            return Passage(PayloadTooLarge(body_limit(environ)), headers)
        if self._buckets is not None:
            grant = self._buckets.take(self._client(environ))
            headers = environ[_LIMITS] = [self._policy, ("RateLimit", _state(grant))]
            if not grant.allowed:
                self._metrics.count_rate_limited()
                retry_after_ms = -(-grant.retry_after_ns // 1_000_000)
                return Passage(RateLimited(self._buckets.rate, self._buckets.burst, retry_after_ms), headers)
        if environ[PATH] == _SYNC:
            return Passage(None, headers)
        refused, is_bulk = None, False
        if self._shedder.sheds():
            refused = "too many requests are waiting"
        elif not self._changes.enter():
            refused = "too many concurrent changes"
        elif may_be_large(environ):
            is_bulk = True
            if not self._bulk.enter():
                self._changes.leave()
                refused = "too many concurrent large changes"
        if refused is None:
            return Passage(None, headers, True, is_bulk)
        self._metrics.count_shed()
        return Passage(Overloaded(refused), headers, False, is_bulk)

    def charge(self, environ: dict[str, Any], operations: int) -> None:
        """Charge the client for all operations, or lines, of a change that was admitted; refuses nothing."""
        if self._buckets is not None and operations > 1:
            grant = self._buckets.charge(self._client(environ), operations - 1)
            environ[_LIMITS][1] = ("RateLimit", _state(grant))

    def leave(self) -> None:
        """No thread works on the change any more."""
        self._changes.leave()

    def leave_bulk(self) -> None:
        """A change with many operations is answered."""
        self._bulk.leave()


def _policy(buckets: TokenBuckets | None) -> tuple[str, str]:
    """The header that is the same in all answers (draft-ietf-httpapi-ratelimit-headers-09, RateLimit-Policy)."""
    if buckets is None:
        return ("", "")
    return ("RateLimit-Policy", f'"changes";q={buckets.burst};w={-(-buckets.burst // buckets.rate)}')


def _state(grant: Grant) -> str:
    """Remaining operations (``r``), and seconds until the bucket is full, or after a refusal has one (``t``)."""
    return f'"changes";r={grant.remaining};t={-(-(grant.retry_after_ns or grant.full_after_ns) // _SECOND)}'
