"""Counters of what happens to leases."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter

from inventory.service.sku_leases import LeaseEvent

_COUNTERS: Mapping[LeaseEvent, tuple[str, str]] = {
    "acquired": ("inventory_lock_acquired", "Leases acquired"),
    "contended": ("inventory_lock_contended", "Changes refused because another one held the lease"),
    "stolen": ("inventory_lock_stolen", "Leases taken over from a holder that did not release them in time"),
    "expired": ("inventory_lock_expired", "Leases that expired before their holder released them"),
    "lost": ("inventory_lock_lost", "Changes refused because their lease had expired"),
    "release_failed": (
        "inventory_lock_release_failures",
        "Leases that could not be released; they expire by themselves",
    ),
}


def lease_counter(registry: CollectorRegistry) -> Callable[[LeaseEvent], None]:
    """Register the counters; what is returned counts one event."""
    counters = {event: Counter(*told, registry=registry) for event, told in _COUNTERS.items()}
    return lambda event: counters[event].inc()
