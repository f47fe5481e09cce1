"""What the log takes up on disk, looked at when somebody asks for the metrics."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory.service.upkeep import StorageFigures


class StorageMetrics(Collector):
    """Figures of the folder, which are the same whichever worker is asked."""

    def __init__(self, figures: Callable[[], StorageFigures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        found = self._figures()
        for name, meaning, size in (
            ("log", "the log that a start reads", found.log_bytes),
            ("archive", "the compressed rest of the log", found.archive_bytes),
            ("snapshot", "the snapshots", found.snapshot_bytes),
        ):
            yield GaugeMetricFamily(f"inventory_{name}_bytes", f"Bytes on disk of {meaning}", size)
        yield CounterMetricFamily("inventory_snapshots", "Snapshots that were taken", found.snapshots)
