"""Counters of what the server does around requests."""

from prometheus_client import CollectorRegistry, Counter

from inventory.resilience.counter import Tally


class ServerCounters:
    """They are there from the start, and count what ``follow`` is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cut = Counter(
            "inventory_connections_cut",
            "Connections closed before their client had closed them: it sent more than 1 MiB after its last answer,"
            " took longer than 2 s, or too many such connections were open",
            registry=registry,
        )
        self._killed = Counter(
            "inventory_stopped_writers_killed",
            "Processes that this server killed because they were stopped while they held the append lock",
            registry=registry,
        )
        self._left_out = Counter(
            "inventory_log_lines_left_out",
            "Warnings left out of the log: of one kind, 10 in 10 s are written",
            registry=registry,
        )

    def follow(self, connections_cut: Tally, log_lines_left_out: Tally, writers_killed: Tally) -> None:
        """Count what happens from now on and what was counted before."""
        connections_cut.report_to(self._cut.inc)
        log_lines_left_out.report_to(self._left_out.inc)
        writers_killed.report_to(self._killed.inc)
