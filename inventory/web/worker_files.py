"""The counters of all workers, read from the files that prometheus_client keeps for each process."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


class WorkerFiles(Collector):
    """The sums over all processes that have counted in a folder.

    ``MultiProcessCollector.collect`` fails with ``struct.error`` on a file that a starting worker has created and not
    yet sized (prometheus_client 0.26): such a file has no counts and is left out here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """See ``Collector``."""
        merged: Iterable[Metric] = MultiProcessCollector.merge(list(self._sized()))  # type: ignore[no-untyped-call]
        return merged

    def _sized(self) -> Iterable[str]:
        for entry in os.scandir(self._folder):
            # The file of a gauge goes with its process.
            with suppress(FileNotFoundError):
                if entry.name.endswith(".db") and entry.stat().st_size:
                    yield entry.path
