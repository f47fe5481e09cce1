"""Metrics of large reads, and of answers that clients read slowly."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from inventory.resilience.bulkhead import ByteBudget
from inventory.resilience.counter import Tally


class ReadMetrics:
    """Registers them. :ivar count_refused: counts a large read for which there was no room."""

    def __init__(self, registry: CollectorRegistry) -> None:
        refused = Counter(
            "inventory_large_reads_refused", "Large reads refused because too many were under way", registry=registry
        )
        self._cut = Counter(
            "inventory_answers_cut", "Answers cut because their clients read too slowly", registry=registry
        )
        self._unsent = Gauge(
            "inventory_unsent_bytes",
            "Bytes of answers that clients have not read yet",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.count_refused = refused.inc

    def follow(self, unsent: ByteBudget, cut_answers: Tally) -> None:
        """Tell of these from now on, and of what they were before."""
        unsent.report_to(self._unsent.set)
        cut_answers.report_to(self._cut.inc)
