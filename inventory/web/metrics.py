"""Counters over all workers: prometheus_client, in its multiprocess mode under gunicorn."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from inventory.resilience.breaker import CircuitBreaker
from inventory.resilience.counter import LocalCounter
from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import QuotaWatch
from inventory.web import logs
from inventory.web.metric_groups import (
    MEMORY,
    ReadMetrics,
    ServerCounters,
    SizeMetrics,
    StorageMetrics,
    WorkerFiles,
    lease_counter,
)

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))

WORKER_MEMORY = "workerMemoryBytes"

_JSON_NAMES: Mapping[str, str] = {
    "inventory_requests_total": "requests",
    "inventory_errors_total": "errors",
    "inventory_conflicts_total": "conflicts",
    "inventory_idempotent_hits_total": "idempotentHits",
    "inventory_log_lines_dropped_total": "logLinesDropped",
    "inventory_log_lines_left_out_total": "logLinesLeftOut",
    "inventory_accepts_deferred_total": "acceptsDeferred",
    "inventory_connections_cut_total": "connectionsCut",
    "inventory_queue_depth": "queueDepth",
    "inventory_rate_limited_total": "rateLimited",
    "inventory_shed_total": "shed",
    "inventory_large_reads_refused_total": "largeReadsRefused",
    "inventory_unsent_bytes": "unsentBytes",
    "inventory_answers_cut_total": "answersCut",
    "inventory_breaker_openings_total": "breakerOpen",
    "inventory_breaker_not_closed": "breakersNotClosed",
    "inventory_fs_retries_total": "fsRetries",
    "inventory_stopped_writers_killed_total": "stoppedWritersKilled",
    "inventory_snapshots_total": "snapshots",
    "inventory_log_bytes": "logBytes",
    "inventory_archive_bytes": "archiveBytes",
    "inventory_snapshot_bytes": "snapshotBytes",
    "inventory_sync_age_seconds": "syncAgeMs",
    "inventory_backup_lag_seconds": "backupLagMs",
    "inventory_clock_ahead_seconds": "clockAheadMs",
    "inventory_dead_letters": "deadLetters",
    "inventory_records": "records",
    "inventory_records_limit": "maxRecords",
    "inventory_stores": "stores",
    "inventory_stores_limit": "maxStores",
    "inventory_open_reservations": "openReservations",
    "inventory_open_reservations_limit": "maxOpenReservations",
    "inventory_ended_reservations": "endedReservations",
    "inventory_keys": "keys",
    "inventory_quotas_nearly_used": "quotasNearlyUsed",
    "inventory_needs_operator": "needsOperator",
    MEMORY: WORKER_MEMORY,
    "inventory_lock_acquired_total": "lockAcquired",
    "inventory_lock_contended_total": "lockContended",
    "inventory_lock_stolen_total": "lockStolen",
    "inventory_lock_expired_total": "lockExpired",
    "inventory_lock_lost_total": "lockLost",
    "inventory_lock_release_failures_total": "lockReleaseFailures",
}

_MS_FROM_SECONDS = frozenset(
    ("inventory_sync_age_seconds", "inventory_backup_lag_seconds", "inventory_clock_ahead_seconds")
)


class Metrics:
    """The metrics of one application. No label has a value that a client chooses.

    With ``PROMETHEUS_MULTIPROC_DIR`` set they are added up over all processes that share the folder; without it, each
    application has its own.
    """

    def __init__(
        self,
        queue_depth: Callable[[], int],
        storage: Callable[[], StorageFigures],
        sync_age_ms: Callable[[], int | None],
        dead_letters: Callable[[], int],
        quotas: QuotaWatch,
        needs_operator: Callable[[], bool] = lambda: False,
        clock_ahead_ms: Callable[[], int] = lambda: 0,
        backup_lag_ms: Callable[[], int | None] = lambda: 0,
    ) -> None:
        """:param queue_depth: the number of changes that wait in this process; called after every request.
        :param storage: the size of the log; called for each read of the metrics, as are the next two.
        :param sync_age_ms: how far the published views are behind.
        :param needs_operator: whether changes are refused until an operator has fixed the cause.
        :param backup_lag_ms: how far continuous copies are behind.
        """
        registry = self._registry = CollectorRegistry()
        self._storage = StorageMetrics(
            storage, sync_age_ms, dead_letters, needs_operator, clock_ahead_ms, backup_lag_ms
        )
        registry.register(self._storage)
        shared = os.environ.get(FOLDER_VARIABLE)
        self._sizes = SizeMetrics(quotas, Path(shared) if shared else None)
        registry.register(self._sizes)
        counter, gauge = (
            partial(Counter, registry=registry),
            partial(Gauge, registry=registry, multiprocess_mode="livesum"),
        )
        self._requests = counter("inventory_requests", "Requests answered", ["method", "status"])
        errors = counter("inventory_errors", "Answers with a 5xx status")
        conflicts = counter("inventory_conflicts", "Answers with status 409, of all codes")
        hits = counter("inventory_idempotent_hits", "Answers that replayed an earlier one")
        dropped = counter("inventory_log_lines_dropped", "Log lines lost because the output failed or was too slow")
        depth = gauge(
            "inventory_queue_depth",
            "Changes (one for each 100 operations or part of 100) waiting for their commit,"
            " as of the end of the latest request of each worker",
        )
        limited = counter("inventory_rate_limited", "Changes refused because the client sent too many")
        shed = counter("inventory_shed", "Changes refused because too many were waiting or in progress")
        self.count_rate_limited, self.count_shed = limited.inc, shed.inc
        self._openings = counter(
            "inventory_breaker_openings", "Times that a circuit breaker opened, including after a failed probe"
        )
        self._fs_retries = counter("inventory_fs_retries", "Repeated attempts to write a published file")
        self._breakers = gauge(
            "inventory_breaker_not_closed", "Workers in which the circuit breaker is open or half-open", ["breaker"]
        )
        self.server = ServerCounters(registry)
        self.reads = ReadMetrics(registry)
        duration = Histogram("inventory_request_duration_seconds", "Time to answer", buckets=BUCKETS, registry=registry)
        self._count_error, self._count_conflict, self.count_replay = errors.inc, conflicts.inc, hits.inc
        self._count_dropped, self._set_depth, self._observe = dropped.inc, depth.set, duration.observe
        self.count_lease = lease_counter(registry)
        self._by_method_and_status: dict[tuple[str, int], Callable[[], None]] = {}
        self._queue_depth, self._depth = queue_depth, 0
        self._dropped, self._dropped_guard = 0, threading.Lock()
        self._breaker_guard = threading.Lock()

    def follow(self, breakers: Iterable[CircuitBreaker], file_retries: LocalCounter) -> None:
        """Export counters that change outside requests, including what they counted before."""
        for breaker in breakers:
            breaker.openings.report_to(self._openings.inc)
            breaker.on_change(partial(self._note_breaker, breaker))
            self._note_breaker(breaker)
        file_retries.report_to(self._fs_retries.inc)

    def request_done(self, method: str, status: int, took_ns: int) -> None:
        """Count one request. Measured: 2 µs, 6 µs in multiprocess mode."""
        (self._by_method_and_status.get((method, status)) or self._bind(method, status))()
        self._observe(took_ns / 1_000_000_000)
        if status == 409:
            self._count_conflict()
        elif status >= 500:
            self._count_error()
        depth = self._queue_depth()
        # The last request of a burst sets the final value, so the gauge is right when the worker is idle.
        if depth != self._depth:
            self._depth = depth
            self._set_depth(depth)
        if logs.dropped_lines() != self._dropped:
            self._note_dropped()

    def totals(self) -> dict[str, Any]:
        """The metrics over all workers, by their JSON names; ``None`` for an age that does not exist yet.

        ``workerMemoryBytes`` has a figure for each worker, by its process id.
        """
        found: dict[str, Any] = {
            **dict.fromkeys(_JSON_NAMES.values(), 0),
            "syncAgeMs": None,
            "backupLagMs": None,
            WORKER_MEMORY: {},
        }
        for family in self._all().collect():
            for sample in family.samples:
                name = _JSON_NAMES.get(sample.name)
                if name == WORKER_MEMORY:
                    found[name][sample.labels["pid"]] = round(sample.value)
                elif name is not None:
                    value = sample.value * 1000 if sample.name in _MS_FROM_SECONDS else sample.value
                    found[name] = (found[name] or 0) + round(value)
        return found

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics over all workers as Prometheus text, and the media type that ``accept`` asks for."""
        encode, media_type = choose_encoder(accept)
        return encode(self._all()), media_type

    def _all(self) -> CollectorRegistry:
        if FOLDER_VARIABLE not in os.environ:
            return self._registry
        everyone = CollectorRegistry()
        everyone.register(WorkerFiles(Path(os.environ[FOLDER_VARIABLE])))
        everyone.register(self._storage)
        everyone.register(self._sizes)
        return everyone

    def _bind(self, method: str, status: int) -> Callable[[], None]:
        known = method if method in METHODS else "other"
        bound = partial(self._requests.labels(known, str(status)).inc, 1)
        if known == method:
            self._by_method_and_status[method, status] = bound
        return bound

    def _note_breaker(self, breaker: CircuitBreaker) -> None:
        # Read inside the lock: if two change at once, the last one to write has seen both.
        with self._breaker_guard:
            self._breakers.labels(breaker.name).set(breaker.state != "closed")

    def _note_dropped(self) -> None:
        with self._dropped_guard:
            dropped = logs.dropped_lines()
            # Logging that was configured again counts from 0.
            self._count_dropped(dropped - self._dropped if dropped > self._dropped else dropped)
            self._dropped = dropped
