"""Wiring of resilience around storage: leases, breakers, buckets, bulkheads, the shedder, and their counters."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from inventory.domain.values import Instant
from inventory.resilience.breaker import CircuitBreaker
from inventory.resilience.bulkhead import Bulkhead
from inventory.resilience.counter import LocalCounter
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.lease import LeaseStore
from inventory.resilience.load_shedder import LoadShedder
from inventory.resilience.retry import RetryPolicy
from inventory.resilience.token_bucket import SharedItems, TokenBuckets
from inventory.service.clock_lead import ClockLead
from inventory.service.dead_letter_check import DeadLetterCheck
from inventory.service.dead_letters import DeadLetters
from inventory.service.history import HistoryService
from inventory.service.hold_history import HoldHistory
from inventory.service.maintenance import Maintenance
from inventory.service.ports.dead_letter_store import DeadLetterStore
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.published_views import Views
from inventory.service.quotas import Quotas, QuotaWatch
from inventory.service.reservations import ReservationService
from inventory.service.sku_leases import LeasePolicy, SkuLeases
from inventory.service.stock import StockService
from inventory.service.sync import GuardedSync, Sync
from inventory.settings import Settings
from inventory.verification.audit import Audits, NoAudit
from inventory.wiring.services import Services


def lease_folder(settings: Settings) -> Path:
    """The folder of the leases."""
    return Path(settings.lock_dir or settings.data_dir / "locks").absolute()


def lease_store(settings: Settings, disk: Disk) -> LeaseStore:
    """Open the leases for one process, and delete the files of processes that have ended.

    :raises OSError: the folder cannot be used.
    """
    machine = HostClock()
    store = LeaseStore(
        lease_folder(settings),
        owner=settings.lock_owner_id,
        ttl_ms=settings.lock_ttl_ms,
        boot=f"{machine.boot_id():032x}",
        now=machine.since_boot,
        disk=disk,
    )
    store.sweep()
    return store


def sku_leases(settings: Settings, store: LeaseStore, now: Callable[[], Instant]) -> SkuLeases:
    """Make the SKU leases of a process. ``now`` is the clock of its ledger: the boot clock plus a constant."""
    policy = LeasePolicy(
        settings.lock_ttl_ms,
        settings.lock_renew_ms,
        settings.lock_reject_status,
        settings.lock_retry_after_ms,
        settings.commit_wait_ms,
    )
    return SkuLeases(store, now, policy)


def quotas_of(settings: Settings) -> Quotas:
    """The quotas of these settings."""
    return Quotas(settings.max_records, settings.max_stores, settings.max_open_reservations)


BUCKETS_FILE = "client-buckets"
"""Its name in the folder that the workers of one server share."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The settings, clocks and counters that all objects of one process share.

    :ivar since_boot: microseconds on a clock that cannot be set.
    :ivar wall: microseconds since 1970 on the wall clock.
    :ivar file_retries: counts each retry of writing a published file.
    :ivar writers_killed: counts each process that was killed because it was stopped with the append lock.
    :ivar buckets_file: the token buckets, if this process shares them with others.
    """

    settings: Settings
    since_boot: Callable[[], int]
    file_retries: LocalCounter
    buckets_file: Path | None
    wall: Callable[[], int]
    writers_killed: LocalCounter = field(default_factory=LocalCounter)

    def retry(self) -> RetryPolicy:
        """The retry policy of published files."""
        return RetryPolicy(self.settings.retry_times, self.settings.retry_base_ms, on_retry=self.file_retries)

    def services(
        self,
        ledger: Ledger,
        views: Views,
        letters: DeadLetterStore,
        maintenance: Maintenance | None = None,
        leases: SkuLeases | None = None,
        audit: Audits | None = None,
        backup_lag_ms: Callable[[], int | None] = lambda: None,
    ) -> Services:
        """Put the resilience around a ledger and the views, and the services over them.

        :param letters: the dead-letter store.
        """
        now = ledger.now
        of_ledger, of_sync = self._breaker("ledger"), self._breaker("sync")
        ledger.guard(of_ledger)
        sync = Sync(ledger, views, now, self.settings.sync_interval_ms)
        changes = Bulkhead(self.settings.concurrency_api or self.settings.threads)
        shedder = LoadShedder(self.settings.load_shed_queue_max, self.settings.threads, lambda: changes.at_work)
        shedder.watch(ledger.queue_depth, only_changes=True)
        stock = StockService(ledger, leases)
        lead = ClockLead(now, self.wall)
        # Not counted with the retries of published files.
        check = DeadLetterCheck(
            ledger.history, RetryPolicy(self.settings.retry_times, self.settings.retry_base_ms), now
        )
        return Services(
            self.settings,
            ledger,
            stock,
            ReservationService(ledger, stock, now, HoldHistory(ledger.history)),
            HistoryService(ledger, ledger.history, far_walks=max(1, self.settings.threads // 4), lead=lead),
            GuardedSync(sync, of_sync, Bulkhead(self.settings.concurrency_sync)),
            now,
            breakers=(of_ledger, of_sync),
            file_retries=self.file_retries,
            writers_killed=self.writers_killed,
            clock_lead=lead,
            buckets=self._buckets(),
            changes=changes,
            large_reads=Bulkhead(self.settings.concurrency_reads),
            # Two of 16 threads: while one waits for its commit, one computes. Each further one makes all others wait
            # for the interpreter, and completes no more batches: the processor limits them.
            bulk_changes=Bulkhead(max(1, self.settings.threads // 8)),
            shedder=shedder,
            dead_letters=DeadLetters(ledger, stock, letters, check, now),
            audit=audit or NoAudit("this engine has no log on files to compare with"),
            maintenance=maintenance,
            backup_lag_ms=backup_lag_ms,
            quotas=QuotaWatch(lambda: ledger.status().sizes, quotas_of(self.settings)),
        )

    def _buckets(self) -> TokenBuckets | None:
        settings = self.settings
        if not settings.rate_limit_rps:
            return None
        try:
            shared = SharedItems(self.buckets_file)
        except OSError as error:
            # Then too much is admitted; if this raised, healthy workers would end with this one.
            _log.warning("the rate limits of clients apply to this process alone: %s", error)
            shared = SharedItems()
        since_boot = self.since_boot
        return TokenBuckets(settings.rate_limit_rps, settings.rate_limit_burst, shared, lambda: since_boot() * 1000)

    def _breaker(self, name: str) -> CircuitBreaker:
        settings = self.settings
        return CircuitBreaker(name, settings.breaker_threshold, settings.breaker_cooldown_ms, self.since_boot)


def wiring(
    settings: Settings,
    since_boot: Callable[[], int] | None = None,
    buckets_file: Path | None = None,
    wall: Callable[[], int] | None = None,
) -> Wiring:
    """Make the wiring of one process. Tests pass clocks that they move."""
    machine = HostClock()
    return Wiring(settings, since_boot or machine.since_boot, LocalCounter(), buckets_file, wall or machine.wall)
