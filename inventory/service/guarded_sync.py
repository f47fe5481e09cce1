"""The sync pass behind a circuit breaker, and on demand behind a bulkhead."""

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.resilience.breaker import BreakerOpen, CircuitBreaker
from inventory.resilience.bulkhead import Bulkhead
from inventory.service.guarded_ledger import report
from inventory.service.sync import Passes, SyncResult, SyncStatus


class GuardedSync:
    """Passes that are not tried while they fail again and again."""

    def __init__(self, sync: Passes, breaker: CircuitBreaker, on_demand: Bulkhead) -> None:
        self._sync = sync
        self._breaker = breaker
        self._on_demand = on_demand

    def sync_once(self, *, wait_ms: int = 10_000, force: bool = False) -> SyncResult:
        """See ``Sync.sync_once``.

        :raises Overloaded: as many passes as may be are at work on demand in this process, too.
        :raises StorageUnavailable: the breaker is open, too; the files are as they were.
        """
        if not self._on_demand.enter():
            raise Overloaded("this process is publishing the views already")
        try:
            return self._guarded(wait_ms=wait_ms, force=force)
        finally:
            self._on_demand.leave()

    def _guarded(self, *, wait_ms: int, force: bool) -> SyncResult:
        try:
            call = self._breaker.admit()
        except BreakerOpen as error:
            raise StorageUnavailable(
                "the views are not published for a while, because that has failed again and again",
                outcome="none",
                retry_after_ms=error.retry_after_ms,
            ) from error
        try:
            result = self._sync.sync_once(wait_ms=wait_ms, force=force)
        except BaseException as error:
            report(self._breaker, call, error)
            raise
        self._breaker.succeeded(call)
        return result

    def sync_if_due(self) -> SyncResult | None:
        """See ``Sync.sync_if_due``; none is due while the breaker is open."""
        try:
            call = self._breaker.admit()
        except BreakerOpen:
            return None
        try:
            result = self._sync.sync_if_due()
        except BaseException as error:
            report(self._breaker, call, error)
            raise
        if result is None:
            self._breaker.withdrew(call)
        else:
            self._breaker.succeeded(call)
        return result

    def status(self) -> SyncStatus:
        """See ``Sync.status``."""
        return self._sync.status()

    def age_ms(self) -> int | None:
        """See ``Passes.age_ms``."""
        return self._sync.age_ms()
