"""The lease of a SKU around a change: who does not get it is refused at once."""

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
    """How leases are used: TTL and renewal in ms, and what a refused caller is told.

    :ivar own_wait_ms: for how long an attempt waits for an earlier one under the same idempotency key.
    """

    ttl_ms: int = 2000
    renew_ms: int = 1000
    reject_status: int = 503
    retry_after_ms: int = 300
    own_wait_ms: int = 2000


class HeldLeases:
    """The leases of one change, until ``SkuLeases.holding`` gives them back. For one thread."""

    def __init__(self, leases: "SkuLeases", purpose: str | None, wait_ms: int) -> None:
        self._leases = leases
        self._purpose, self._wait_ms = purpose, wait_ms
        self.held: list[LeaseRecord] = []
        self._since = self._until = Instant(0)

    def take(self, sku: str) -> None:
        """Take one more. :raises LockContended: another has it."""
        lease, asked_at = self._leases.acquire(sku, self._purpose, self._wait_ms)
        self.held.append(lease)
        if len(self.held) == 1:
            self._note(asked_at)

    def check(self, now: Instant) -> None:
        """The fence: to be called with the instant of the append, inside its critical section.

        Whoever takes a lease over can do so only when this has begun to refuse.

        :raises LockLost: the leases have ended by then.
        """
        if now >= self._until:
            raise LockLost(self.held[0].key)

    def renew_if_due(self) -> None:
        """To be called in the loop of work that is long: renews when ``renew_ms`` have passed since the last time.

        :raises LockLost: a lease has ended, or is another's; nothing may be changed under it any more.
        :raises StorageUnavailable: it could not be renewed, and lasts as long as before.
        """
        now = self._leases.now()
        if now < self._since + self._leases.policy.renew_ms * 1000:
            return
        for place, lease in enumerate(self.held):
            self.held[place] = self._leases.renew(lease)
        self._note(now)

    def end(self) -> None:
        """Refuse from now on: a change whose caller has given up may still be waiting to be decided."""
        self._until = Instant(0)

    def _note(self, now: Instant) -> None:
        self._since, self._until = now, Instant(now + self._leases.policy.ttl_ms * 1000)


class SkuLeases:
    """Leases by SKU over all processes that share the store. Admission only: no promise rests on them.

    :ivar now: the service's clock, the one whose instants are given to ``decide``.
    :ivar count: is told what has happened; whoever counts sets it.
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
        """Hold the leases of all ``skus`` inside the ``with`` block, taken in sorted order.

        Waits only for an earlier attempt under the same idempotency ``key``, in any process.

        :param waits: whether that one is.
        :raises LockContended: another has one of them; none is held then.
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
        """Take one lease; returns the instant just before, too.

        :param wait_ms: for how long who holds it for the same ``purpose`` is waited for.
        """
        looks_left = 0 if purpose is None else wait_ms // _LOOK_AGAIN_MS
        try:
            # Asked before the store asks its own clock: of the two ends, which differ by a constant,
            # the one by which we stop is never behind the one by which others may begin.
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
            # The earlier attempt may be carried out after this one was answered.
            error.outcome = "unknown"
        return error

    def _may_be_held_for(self, purpose: str, sku: str) -> bool:
        holder = self._store.holder(sku)
        # While it is being written, its purpose is not known.
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
        # What was changed under the lease stays changed: nothing is raised here.
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
