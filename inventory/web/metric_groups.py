"""Groups of metrics, and the files in which the workers of a server share their counters."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from inventory.resilience.bulkhead import ByteBudget
from inventory.resilience.counter import LocalCounter
from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import QuotaWatch, uses
from inventory.service.sku_leases import LeaseEvent


class WorkerFiles(Collector):
    """The sums over all processes that have counters in a folder.

    ``MultiProcessCollector.collect`` fails with ``struct.error`` on a file that a starting worker has created and not
    yet sized (prometheus_client 0.26): such a file has no counters, and is skipped here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """See ``Collector``."""
        merged: Iterable[Metric] = MultiProcessCollector.merge(list(self._sized()))  # type: ignore[no-untyped-call]
        return merged

    def _sized(self) -> Iterable[str]:
        for entry in os.scandir(self._folder):
            # The file of a gauge is removed with its process.
            with suppress(FileNotFoundError):
                if entry.name.endswith(".db") and entry.stat().st_size:
                    yield entry.path


_COUNTERS: Mapping[LeaseEvent, tuple[str, str]] = {
    "acquired": ("inventory_lock_acquired", "Leases acquired"),
    "contended": ("inventory_lock_contended", "Changes refused because another change held the lease"),
    "stolen": ("inventory_lock_stolen", "Leases taken over from a holder that did not release them in time"),
    "expired": ("inventory_lock_expired", "Leases that expired before their holder released them"),
    "lost": ("inventory_lock_lost", "Changes refused because their lease had expired"),
    "release_failed": (
        "inventory_lock_release_failures",
        "Leases that could not be released; they expire by themselves",
    ),
}


def lease_counter(registry: CollectorRegistry) -> Callable[[LeaseEvent], None]:
    """Register the counters; return a function that counts one event."""
    counters = {event: Counter(*told, registry=registry) for event, told in _COUNTERS.items()}
    return lambda event: counters[event].inc()


class ReadMetrics:
    """Metrics of large reads and of slow readers. :ivar count_refused: counts a refused large read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        refused = Counter(
            "inventory_large_reads_refused", "Large reads refused because too many were in progress", registry=registry
        )
        self._cut = Counter(
            "inventory_answers_cut", "Answers cut short because the client read too slowly", registry=registry
        )
        self._unsent = Gauge(
            "inventory_unsent_bytes",
            "Bytes of answers that clients have not read yet",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.count_refused = refused.inc

    def follow(self, unsent: ByteBudget, cut_answers: LocalCounter) -> None:
        """Export these, including what they counted before."""
        unsent.report_to(self._unsent.set)
        cut_answers.report_to(self._cut.inc)


class ServerCounters:
    """Counters of the server; at 0 until ``follow`` connects them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cut = Counter(
            "inventory_connections_cut",
            "Connections that the server closed first: the client sent more than 1 MiB after its last answer, took"
            " longer than 2 s to close, or too many such connections were open",
            registry=registry,
        )
        self._deferred = Counter(
            "inventory_accepts_deferred",
            "New clients that a worker left to others for up to 10 ms because they had fewer connections",
            registry=registry,
        )
        self._killed = Counter(
            "inventory_stopped_writers_killed",
            "Processes that this server killed because they were stopped while they held the append lock",
            registry=registry,
        )
        self._left_out = Counter(
            "inventory_log_lines_left_out",
            "Warnings suppressed in the log, which has at most 10 of one kind in 10 s",
            registry=registry,
        )

    def follow(
        self,
        accepts_deferred: LocalCounter,
        connections_cut: LocalCounter,
        log_lines_left_out: LocalCounter,
        writers_killed: LocalCounter,
    ) -> None:
        """Export these, including what they counted before."""
        accepts_deferred.report_to(self._deferred.inc)
        connections_cut.report_to(self._cut.inc)
        log_lines_left_out.report_to(self._left_out.inc)
        writers_killed.report_to(self._killed.inc)


MEMORY = "inventory_worker_memory_bytes"
_OF_A_PROCESS = re.compile(r"gauge_livesum_([0-9]+)\.db", re.ASCII)
_PAGE = os.sysconf("SC_PAGE_SIZE")


class SizeMetrics(Collector):
    """What each worker keeps (the same in all of them), the quotas, and the memory of each worker."""

    def __init__(self, quotas: QuotaWatch, folder: Path | None) -> None:
        """:param folder: where the workers of a server have their counters; ``None`` for a single process."""
        self._quotas = quotas
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        sizes = self._quotas.sizes()
        used = uses(sizes, self._quotas.quotas)
        yield GaugeMetricFamily("inventory_keys", "Idempotency keys remembered", sizes.keys)
        ended = "Ended reservations remembered"
        yield GaugeMetricFamily("inventory_ended_reservations", ended, sizes.ended_reservations)
        for use in used:
            name = f"inventory_{use.counted.replace(' ', '_')}"
            yield GaugeMetricFamily(name, f"Number of {use.counted}", use.current)
            yield GaugeMetricFamily(f"{name}_limit", f"Maximum number of {use.counted}", use.limit)
        near = sum(use.is_near() for use in used)
        yield GaugeMetricFamily("inventory_quotas_nearly_used", "Quotas of which at least 80 % is used", near)
        memory = GaugeMetricFamily(MEMORY, "Resident memory of each worker, by process id", labels=["pid"])
        for process in self._processes():
            taken = resident_bytes(process)
            if taken is not None:
                memory.add_metric([str(process)], taken)
        yield memory

    def _processes(self) -> list[int]:
        if self._folder is None:
            return [os.getpid()]
        # The master removes such a file when its worker has ended.
        return sorted(int(found[1]) for name in os.listdir(self._folder) if (found := _OF_A_PROCESS.fullmatch(name)))


def resident_bytes(process: int) -> int | None:
    """The resident memory of a process; ``None`` if it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return None


class StorageMetrics(Collector):
    """The size of the log on disk and the age of the views: the same in every worker."""

    def __init__(
        self,
        figures: Callable[[], StorageFigures],
        sync_age_ms: Callable[[], int | None],
        dead_letters: Callable[[], int],
        needs_operator: Callable[[], bool],
        clock_ahead_ms: Callable[[], int],
        backup_lag_ms: Callable[[], int | None],
    ) -> None:
        self._figures = figures
        self._sync_age_ms = sync_age_ms
        self._dead_letters = dead_letters
        self._needs_operator = needs_operator
        self._clock_ahead_ms = clock_ahead_ms
        self._backup_lag_ms = backup_lag_ms

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        found = self._figures()
        for name, meaning, size in (
            ("log", "the log that a start reads", found.log_bytes),
            ("archive", "the archive, the compressed older part of the log", found.archive_bytes),
            ("snapshot", "the snapshots", found.snapshot_bytes),
        ):
            yield GaugeMetricFamily(f"inventory_{name}_bytes", f"Bytes on disk of {meaning}", size)
        yield GaugeMetricFamily(
            "inventory_dead_letters", "Dead letters of this folder that are not settled", self._dead_letters()
        )
        yield GaugeMetricFamily(
            "inventory_needs_operator",
            "1 while changes are refused until an operator has fixed the cause",
            int(self._needs_operator()),
        )
        yield CounterMetricFamily("inventory_snapshots", "Snapshots taken on this folder", found.snapshots)
        yield GaugeMetricFamily(
            "inventory_clock_ahead_seconds",
            "How far the time of events is ahead of the wall clock; negative if it is behind",
            self._clock_ahead_ms() / 1000,
        )
        for name, meaning, age in (
            (
                "sync_age",
                "Upper bound of the age of the published views; 0 while they hold every committed change; no sample"
                " before the first pass",
                self._sync_age_ms(),
            ),
            (
                "backup_lag",
                "Time since a continuous copy last had every durable event; with several copies, of the one that is"
                " furthest behind; no sample if there never was one",
                self._backup_lag_ms(),
            ),
        ):
            # A family without a sample says that there is no age.
            yield GaugeMetricFamily(f"inventory_{name}_seconds", meaning, None if age is None else age / 1000)
