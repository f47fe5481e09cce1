"""The lease of a SKU around a change: a change that does not get it is refused at once."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple, TypeAlias

from inventory.domain.errors import LockContended, LockLost, StorageUnavailable
from inventory.domain.values import Instant
from inventory.resilience.lease import LeaseLost, LeaseRecord, LeaseStore, file_stem

LeaseEvent: TypeAlias = Literal["acquired", "contended", "stolen", "expired", "lost", "release_failed"]
_LOOK_AGAIN_MS = 20
_log = logging.getLogger(__name__)


class LeasePolicy(NamedTuple):
    """How leases are used: TTL and renewal in ms, and the refusal of other changes.

    :ivar own_wait_ms: how long an attempt waits for an earlier one under the same idempotency key.
    """

    ttl_ms: int = 2000
    renew_ms: int = 1000
    reject_status: int = 503
    retry_after_ms: int = 300
    own_wait_ms: int = 2000


class HeldLeases:
    """The leases of one change, until ``SkuLeases.holding`` releases them. For one thread."""

    def __init__(self, leases: "SkuLeases", purpose: str | None, wait_ms: int) -> None:
        self._leases = leases
        self._purpose, self._wait_ms = purpose, wait_ms
        self.held: list[LeaseRecord] = []
        self._since = self._until = Instant(0)

    def take(self, sku: str) -> None:
        """Acquire one more. :raises LockContended: another change has it."""
        lease, asked_at = self._leases.acquire(sku, self._purpose, self._wait_ms)
        self.held.append(lease)
        if len(self.held) == 1:
            self._note(asked_at)

    def check(self, now: Instant) -> None:
        """The fence: call it with the instant of the append, inside its critical section.

        Another change can take over a lease only after this has begun to refuse.

        :raises LockLost: the leases have expired by then.
        """
        if now >= self._until:
            raise LockLost(self.held[0].key)

    def renew_if_due(self) -> None:
        """Call it in the loop of a long operation: it renews when ``renew_ms`` have passed since the last time.

        :raises LockLost: a lease has expired, or another change has it; nothing may be changed under it any more.
        :raises StorageUnavailable: it could not be renewed, and lasts as long as before.
        """
        now = self._leases.now()
        if now < self._since + self._leases.policy.renew_ms * 1000:
            return
        for place, lease in enumerate(self.held):
            self.held[place] = self._leases.renew(lease)
        self._note(now)

    def end(self) -> None:
        """Refuse from now on: a change whose client has given up may still wait for its decision."""
        self._until = Instant(0)

    def _note(self, now: Instant) -> None:
        self._since, self._until = now, Instant(now + self._leases.policy.ttl_ms * 1000)


class SkuLeases:
    """Leases by SKU over all processes that share the store. Admission only: correctness does not depend on them.

    :ivar now: the clock of the service, whose instants ``decide`` gets.
    :ivar count: called with each event; set by the metrics.
    """

    def __init__(
        self,
        store: LeaseStore,
        now: Callable[[], Instant],
        policy: LeasePolicy,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.now = now
        self.policy = policy
        self.count: Callable[[LeaseEvent], None] = lambda _: None
        self._store = store
        self._sleep = sleep

    @contextmanager
    def holding(self, skus: Sequence[str], key: str | None = None, *, waits: bool = True) -> Iterator[HeldLeases]:
        """Hold the leases of all ``skus`` in the ``with`` block, acquired in sorted order.

        Waits only for an earlier attempt under the same idempotency ``key``, in any process.

        :param waits: whether to wait for that one.
        :raises LockContended: another change has one of them; none is held then.
        :raises StorageUnavailable: the files of the leases cannot be used.
        """
        wait_ms = self.policy.own_wait_ms if waits else 0
        leases = HeldLeases(self, None if key is None else file_stem(key), wait_ms)
        try:
            for sku in sorted(set(skus)):
                leases.take(sku)
            yield leases
        except LockLost:
            self.count("lost")
            raise
        finally:
            leases.end()
            for lease in reversed(leases.held):
                self._release(lease)

    def acquire(self, sku: str, purpose: str | None = None, wait_ms: int = 0) -> tuple[LeaseRecord, Instant]:
        """Acquire one lease; also return the instant just before.

        :param wait_ms: how long to wait for a holder with the same ``purpose``.
        """
        looks_left = 0 if purpose is None else wait_ms // _LOOK_AGAIN_MS
        try:
            # Read before the store reads its own clock: of the two deadlines, which differ by a constant,
            # the one at which we stop is never after the one at which others may begin.
            asked_at = self.now()
            while (acquired := self._store.acquire(sku, purpose)) is None:
                is_own = purpose is not None and self._may_be_held_for(purpose, sku)
                if not looks_left or not is_own:
                    raise self._contended(sku, is_own=is_own)
                looks_left -= 1
                self._sleep(_LOOK_AGAIN_MS / 1000)
                asked_at = self.now()
        except OSError as error:
            raise _unavailable(error) from error
        self.count("acquired")
        if acquired.stolen:
            self.count("stolen")
        return acquired.lease, asked_at

    def _contended(self, sku: str, *, is_own: bool) -> LockContended:
        self.count("contended")
        policy = self.policy
        error = LockContended(sku, retry_after_ms=policy.retry_after_ms, reject_status=policy.reject_status)
        if is_own:
            # The earlier attempt may be applied after this one was answered.
            error.outcome = "unknown"
        return error

    def _may_be_held_for(self, purpose: str, sku: str) -> bool:
        holder = self._store.holder(sku)
        # While the lease is being written, its purpose is unknown.
        return holder is None or holder.purpose == purpose

    def renew(self, lease: LeaseRecord) -> LeaseRecord:
        """Renew one lease; see ``HeldLeases.renew_if_due``."""
        try:
            return self._store.renew(lease)
        except LeaseLost as error:
            raise LockLost(lease.key) from error
        except OSError as error:
            raise _unavailable(error) from error

    def _release(self, lease: LeaseRecord) -> None:
        # The change under the lease stays: nothing is raised here.
        try:
            if not self._store.release(lease):
                self.count("expired")
        except LeaseLost:
            self.count("expired")
        except OSError as error:
            self.count("release_failed")
            _log.warning("the lease of %s could not be released; it expires by itself: %s", lease.key, error)


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"cannot write the lease: {error.strerror or error}", outcome="none")
