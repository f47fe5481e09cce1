"""Wiring of the leases, where LOCKS_ENABLED."""

from collections.abc import Callable
from pathlib import Path

from inventory.domain.values import Instant
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import Machine
from inventory.resilience.lease import LeaseStore
from inventory.service.sku_leases import LeasePolicy, SkuLeases
from inventory.settings import Settings


def lease_folder(settings: Settings) -> Path:
    """Where the leases are."""
    return Path(settings.lock_dir or settings.data_dir / "locks").absolute()


def lease_store(settings: Settings, disk: Disk) -> LeaseStore:
    """Open the leases for one process, and delete what dead ones have left.

    :raises OSError: the folder cannot be used.
    """
    machine = Machine()
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
    """Make a process's leases of SKUs. ``now`` is its ledger's clock: the boot clock and a constant."""
    policy = LeasePolicy(
        settings.lock_ttl_ms,
        settings.lock_renew_ms,
        settings.lock_reject_status,
        settings.lock_retry_after_ms,
        settings.commit_wait_ms,
    )
    return SkuLeases(store, now, policy)
