"""Figures of the folder, looked at when somebody asks for the metrics."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory.service.ports.maintenance import StorageFigures


class StorageMetrics(Collector):
    """What the log takes up on disk and how old the views are: the same whichever worker is asked."""

    def __init__(
        self,
        figures: Callable[[], StorageFigures],
        sync_age_ms: Callable[[], int | None],
        dead_letters: Callable[[], int],
        needs_operator: Callable[[], bool],
        clock_ahead_ms: Callable[[], int],
    ) -> None:
        self._figures = figures
        self._sync_age_ms = sync_age_ms
        self._dead_letters = dead_letters
        self._needs_operator = needs_operator
        self._clock_ahead_ms = clock_ahead_ms

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        found = self._figures()
        for name, meaning, size in (
            ("log", "the log that a start reads", found.log_bytes),
            ("archive", "the compressed rest of the log", found.archive_bytes),
            ("snapshot", "the snapshots", found.snapshot_bytes),
        ):
            yield GaugeMetricFamily(f"inventory_{name}_bytes", f"Bytes on disk of {meaning}", size)
        yield GaugeMetricFamily(
            "inventory_dead_letters", "Dead letters of this folder that wait to be settled", self._dead_letters()
        )
        yield GaugeMetricFamily(
            "inventory_needs_operator",
            "1 while changes are refused until an operator has fixed the cause",
            int(self._needs_operator()),
        )
        yield CounterMetricFamily("inventory_snapshots", "Snapshots taken on this folder", found.snapshots)
        yield GaugeMetricFamily(
            "inventory_clock_ahead_seconds",
            "How far the time of events is ahead of the wall clock; below 0 where it is behind",
            self._clock_ahead_ms() / 1000,
        )
        age = self._sync_age_ms()
        # Before the first pass there is no age, and a family without a sample says that.
        yield GaugeMetricFamily(
            "inventory_sync_age_seconds",
            "Age of the published views at most, 0 while they hold every committed change; no sample before the first"
            " pass",
            None if age is None else age / 1000,
        )
