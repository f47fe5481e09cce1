"""Wiring: which concrete class stands behind which port, with which settings."""

import socket
from collections.abc import Callable
from pathlib import Path

from inventory.bootstrap.services import Services
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger, LogOptions
from inventory.eventlog.views import PublishedViews
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.service.stock import StockService
from inventory.service.sync import Sync
from inventory.service.transaction import Writer
from inventory.settings import Settings


def layout_of(settings: Settings) -> Layout:
    """Where the settings put everything."""
    return Layout(Path(settings.data_dir).absolute())


def build_services(
    settings: Settings, *, on_committer_death: Callable[[], None] = lambda: None, disk: Disk | None = None
) -> Services:
    """Open a folder that ``prepare`` has prepared, and wire one process's services to it.

    After the fork: it starts a thread. A log that cannot be read does not raise; the services are
    read-only then, and their status says why.

    :param on_committer_death: called when nothing can be committed any more; should end the process.
    :raises StateUnusable: nothing has prepared the folder since the machine started.
    :raises OSError: the folder cannot be opened.
    """
    layout, disk = layout_of(settings), disk or Disk()
    ledger = FileLedger(
        layout,
        LogOptions(
            writer=Writer(socket.gethostname(), settings.idemp_ttl_ms),
            commit_wait_ms=settings.commit_wait_ms,
            segment_bytes=settings.segment_bytes,
            on_committer_death=on_committer_death,
            disk=disk,
        ),
    )
    retry = RetryPolicy(settings.retry_times, settings.retry_base_ms)
    views = PublishedViews(layout, ledger.shared, disk, retry)
    sync = Sync(ledger, views, ledger.now, settings.sync_interval_ms)
    return Services(settings, ledger, StockService(ledger), sync, ledger.now)
