"""What a change must pass before anything is done for it. Every gate says no at once; none queues."""

from typing import Any, NamedTuple

from inventory.bootstrap.services import Services
from inventory.domain.errors import InventoryError, Overloaded
from inventory.resilience.token_bucket import Grant, TokenBuckets
from inventory.web.answers import Headers
from inventory.web.client_address import ClientAddress
from inventory.web.json_body import announced_too_long, body_limit
from inventory.web.metrics import Metrics
from inventory.web.refusals import PayloadTooLarge, RateLimited
from inventory.web.routing import PATH

_SYNC = "/sync"
_SECOND = 1_000_000_000


class Passage(NamedTuple):
    """What the gates say. :ivar headers: for the answer, whatever it is; :ivar entered: ``leave`` has to be called."""

    refusal: InventoryError | None
    headers: Headers
    entered: bool


class Gates:
    """In this order: the body's limit, the client's token bucket, the load shedder, the bulkhead.

    A sync on demand is no work of the API: it passes the first two, and has a bulkhead of its own.
    """

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._buckets = services.buckets
        self._shedder = services.shedder
        self._changes = services.changes
        self._metrics = metrics
        self._client = ClientAddress(services.settings.trusted_proxies)
        self._policy = _policy(services.buckets)

    def enter(self, environ: dict[str, Any]) -> Passage:
        """Ask every gate."""
        if announced_too_long(environ):
            return Passage(PayloadTooLarge(body_limit(environ)), (), False)
        headers: Headers = ()
        if self._buckets is not None:
            grant = self._buckets.take(self._client(environ))
            headers = (self._policy, ("RateLimit", _state(grant)))
            if not grant.allowed:
                self._metrics.count_rate_limited()
                retry_after_ms = -(-grant.retry_after_ns // 1_000_000)
                return Passage(RateLimited(self._buckets.rate, self._buckets.burst, retry_after_ms), headers, False)
        if environ[PATH] == _SYNC:
            return Passage(None, headers, False)
        if self._shedder.sheds():
            self._metrics.count_shed()
            return Passage(Overloaded("too many requests are waiting"), headers, False)
        if not self._changes.enter():
            self._metrics.count_shed()
            return Passage(Overloaded("as many changes as may be are at work"), headers, False)
        return Passage(None, headers, True)

    def leave(self) -> None:
        """The change is done."""
        self._changes.leave()


def _policy(buckets: TokenBuckets | None) -> tuple[str, str]:
    """What does not differ from answer to answer (draft-ietf-httpapi-ratelimit-headers-09, RateLimit-Policy)."""
    if buckets is None:
        return ("", "")
    return ("RateLimit-Policy", f'"changes";q={buckets.burst};w={-(-buckets.burst // buckets.rate)}')


def _state(grant: Grant) -> str:
    """How much is left (``r``), and in how many seconds all of it, or after a refusal one, is there (``t``)."""
    return f'"changes";r={grant.remaining};t={-(-(grant.retry_after_ns or grant.full_after_ns) // _SECOND)}'
