"""Metrics of what is kept in memory, read when a client asks for the metrics."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory.service.quotas import QuotaWatch, uses

MEMORY = "inventory_worker_memory_bytes"
_OF_A_PROCESS = re.compile(r"gauge_livesum_([0-9]+)\.db", re.ASCII)
_PAGE = os.sysconf("SC_PAGE_SIZE")


class SizeMetrics(Collector):
    """What each worker keeps, which is the same in all of them; how much of it may be; and what memory each takes."""

    def __init__(self, quotas: QuotaWatch, folder: Path | None) -> None:
        """:param folder: where the workers of one server have their counters; ``None`` for this process alone."""
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
    """How much memory a process has at hand; ``None`` if it is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return None
