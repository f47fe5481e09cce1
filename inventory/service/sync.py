"""The sync pass: bring the published views up to everything that is committed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.domain.values import Instant
from inventory.resilience.breaker import BreakerOpen, CircuitBreaker
from inventory.resilience.bulkhead import Bulkhead
from inventory.service.group_commit import report
from inventory.service.ports.ledger import WalkedLedger
from inventory.service.ports.published_views import SyncStatus, Views

IDLE_SHARE = 9
"""A scheduled pass waits nine times as long as the previous one took: passes take at most a tenth of the time."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The result of a pass: ``published`` is ``False`` if the files were already up to date."""

    published: bool
    as_of_sequence: int
    took_ms: int


class Passes(Protocol):
    """Runs passes; see ``Sync``."""

    def sync_once(self, *, wait_ms: int = 10_000, force: bool = False) -> SyncResult:
        """Publish everything that was committed before the call, unless the files are up to date."""

    def sync_if_due(self) -> SyncResult | None:
        """Run a pass if the interval is over, something changed, and no other process is at it."""

    def status(self) -> SyncStatus:
        """What was published last."""

    def age_ms(self) -> int | None:
        """Upper bound of the age of the published files, in ms: 0 only if they contain everything that is committed.

        Otherwise the time since the latest instant at which they are known to have contained everything: the end of the
        last pass that published, or a later check of this process. ``None`` before the first pass.
        """


class Sync:
    """Runs passes, on schedule or on demand; one process at a time does."""

    def __init__(self, ledger: WalkedLedger, views: Views, now: Callable[[], Instant], interval_ms: int) -> None:
        self._ledger = ledger
        self._views = views
        self._now = now
        self._interval = interval_ms * 1000
        self._was_current_at = Instant(0)

    def sync_once(self, *, wait_ms: int = 10_000, force: bool = False) -> SyncResult:
        """Publish everything that was committed before the call, unless the files are up to date.

        :param force: publish in any case.

        :raises Overloaded: another process kept the publish lock for longer than ``wait_ms``.
        :raises StorageUnavailable: the files could not be written; the previous ones are unchanged.
        """
        with self._views.lock(wait_ms=wait_ms) as ours:
            if not ours:
                raise Overloaded("another process is publishing the views")
            return self._pass(force=force)

    def sync_if_due(self) -> SyncResult | None:
        """Run a pass if the interval is over, something changed, and no other process is at it."""
        if not self._is_due():
            return None
        with self._views.lock(wait_ms=0) as ours:
            # Checked again under the lock: another process may have been faster.
            return self._pass() if ours and self._is_due() else None

    def status(self) -> SyncStatus:
        """What was published last."""
        return self._views.status()

    def age_ms(self) -> int | None:
        """See ``Passes.age_ms``."""
        last = self._views.status()
        if not self._is_behind(last):
            return 0
        if last.sequence < 0:
            return None
        # Rounded up: a commit within the same millisecond counts as later.
        return max(1, -(-(self._now() - max(last.at, self._was_current_at)) // 1000))

    def _is_due(self) -> bool:
        last = self._views.status()
        pause = max(self._interval, last.took_ms * 1000 * IDLE_SHARE)
        return self._is_behind(last) and self._now() >= max(last.at, last.tried_at) + pause

    def _is_behind(self, last: SyncStatus) -> bool:
        # The clock is read first: what is committed after the check is later.
        now = self._now()
        if self._ledger.status().sequence > last.sequence:
            return True
        self._was_current_at = now
        return False

    def _pass(self, *, force: bool = False) -> SyncResult:
        before, started = self._views.status(), self._now()
        try:
            with self._ledger.walk() as stock:
                sequence = stock.as_of_sequence
                changed = force or sequence > before.sequence
                if changed:
                    self._views.publish(stock)
        except Exception:
            # The interval also starts again after a failure, or a full disk would be tried endlessly.
            self._views.note(before._replace(tried_at=self._now(), failures=before.failures + 1))
            raise
        took_ms = (self._now() - started) // 1000
        if changed:
            self._views.note(SyncStatus(sequence, self._now(), took_ms, before.failures))
        return SyncResult(changed, sequence, took_ms)


class GuardedSync:
    """Passes behind a circuit breaker: not tried while they fail repeatedly."""

    def __init__(self, sync: Passes, breaker: CircuitBreaker, on_demand: Bulkhead) -> None:
        self._sync = sync
        self._breaker = breaker
        self._on_demand = on_demand

    def sync_once(self, *, wait_ms: int = 10_000, force: bool = False) -> SyncResult:
        """See ``Sync.sync_once``.

        :raises Overloaded: also if too many passes on demand are running in this process.
        :raises StorageUnavailable: also if the breaker is open; the files are unchanged.
        """
        if not self._on_demand.enter():
            raise Overloaded("this process is already publishing the views")
        try:
            return self._guarded(wait_ms=wait_ms, force=force)
        finally:
            self._on_demand.leave()

    def _guarded(self, *, wait_ms: int, force: bool) -> SyncResult:
        try:
            call = self._breaker.admit()
        except BreakerOpen as error:
            raise StorageUnavailable(
                "the views are not published for a while, because publishing has failed repeatedly",
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
