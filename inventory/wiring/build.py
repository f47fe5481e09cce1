"""Wiring: the concrete class behind each port, with its settings."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from inventory.backup.follower_position import lag_ms
from inventory.eventlog.dead_letter_file import DeadLetterFile
from inventory.eventlog.errors import LogError
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.log_check import Progress
from inventory.eventlog.log_parts import LogOptions
from inventory.eventlog.published_views import PublishedViews
from inventory.eventlog.recovery import Recovery
from inventory.eventlog.snapshot import Restored
from inventory.eventlog.unavailable_ledger import UnavailableLedger, UnavailableViews
from inventory.memory.ledger import wall_clock
from inventory.resilience.child_process import run_module
from inventory.resilience.disk import Disk
from inventory.resilience.failpoints import FaultyDisk
from inventory.service.change_overlay import EventStamp
from inventory.service.maintenance import Maintenance
from inventory.settings import Settings
from inventory.verification.audit import Audit, StateCopier
from inventory.verification.rebuild import RebuildResult
from inventory.verification.rebuild import rebuild as rebuild_derived
from inventory.wiring.prepare import layout_of, prepare
from inventory.wiring.resilience import lease_store, quotas_of, sku_leases, wiring
from inventory.wiring.services import Services

_TRY_AGAIN_SECONDS = 5.0
_log = logging.getLogger(__name__)


def disk_of(settings: Settings) -> Disk:
    """The disk for these settings: the real one, or in tests with FAILPOINTS one that injects faults."""
    if not settings.failpoints:
        return Disk()
    armed = ", ".join(map(str, settings.failpoints))
    _log.warning("FAILPOINTS is set: this process injects faults from now on, for tests only: %s", armed)
    return FaultyDisk(settings.failpoints)


def build_services(
    settings: Settings,
    *,
    on_committer_death: Callable[[], None] = lambda: None,
    disk: Disk | None = None,
    buckets_file: Path | None = None,
    folded: Restored | None = None,
) -> Services:
    """Open a folder that ``prepare`` has prepared, and wire the services of one process to it.

    Call it after the fork: it starts a thread. A log that cannot be read raises nothing; the services are then
    read-only, and their status says why.

    :param on_committer_death: called when nothing can be committed any more; should end the process.
    :param folded: the state that ``prepare`` has folded, so that the log is not read again; do not use it afterwards.
    :raises StateUnusable: nothing has prepared the folder since the host was booted.
    :raises OSError: the folder cannot be opened.
    """
    layout, disk = layout_of(settings), disk or disk_of(settings)
    wired = wiring(settings, buckets_file=buckets_file)
    retry = wired.retry()
    leases = lease_store(settings, disk) if settings.locks_enabled else None
    ledger = FileLedger(
        layout,
        LogOptions(
            writer=EventStamp(
                socket.gethostname(),
                settings.idemp_ttl_ms,
                # A key may be used again after its reservation has ended.
                max(settings.reservation_keep_ms, settings.idemp_ttl_ms),
                quotas_of(settings),
            ),
            commit_wait_ms=settings.commit_wait_ms,
            segment_bytes=settings.segment_bytes,
            on_committer_death=on_committer_death,
            on_killed=wired.writers_killed,
            disk=disk,
            retry=retry,
        ),
        folded,
    )
    views = PublishedViews(layout, ledger.shared, disk, retry)
    maintenance = Maintenance(
        ledger.log_maintenance, ledger.now, settings.snapshot_every_n_events, settings.snapshot_every_bytes
    )
    held = sku_leases(settings, leases, ledger.now) if leases is not None else None
    letters, audit = DeadLetterFile(layout, disk), audit_of(layout, ledger.log_maintenance)
    return wired.services(ledger, views, letters, maintenance, held, audit, lambda: lag_ms(layout, ledger.now()))


def rebuild(settings: Settings, *, progress: Progress | None = None) -> RebuildResult:
    """Delete what is derived from the log and build it again; see ``verification.rebuild``."""

    def publish(recovery: Recovery) -> int:
        services = build_services(settings, folded=recovery.folded)
        try:
            return services.sync.sync_once().as_of_sequence
        finally:
            services.close()

    return rebuild_derived(layout_of(settings), lambda report: prepare(settings, progress=report), publish, progress)


def build_worker_services(
    settings: Settings, buckets_file: Path | None = None, folded: Restored | None = None
) -> Services:
    """``build_services`` for a worker of a running server. Never raises: at worst the services refuse everything.

    When nothing can be committed any more, the worker exits and the master replaces it. A worker that could not open
    the folder exits after some seconds.

    :param buckets_file: the token buckets, which the workers of a server share.
    :param folded: see ``build_services``.
    """
    try:
        return build_services(settings, on_committer_death=_end_this_worker, buckets_file=buckets_file, folded=folded)
    except (LogError, OSError) as error:
        reason = f"this process could not open {settings.data_dir}: {error}"
        _log.critical("%s", reason)
        # The cause may pass: the master replaces a worker that has exited, and the next one tries again.
        again = threading.Timer(_TRY_AGAIN_SECONDS, _end_this_worker)
        again.daemon = True
        again.start()
        unopened = UnavailableLedger(reason, wall_clock)
        layout, wired = layout_of(settings), wiring(settings, buckets_file=buckets_file)
        letters = DeadLetterFile(layout, Disk())
        lag = partial(lag_ms, layout)
        return wired.services(unopened, UnavailableViews(reason), letters, backup_lag_ms=lambda: lag(wall_clock()))


def _end_this_worker() -> None:
    # As gunicorn does: requests in progress are answered first.
    os.kill(os.getpid(), signal.SIGTERM)


SECONDS = 60.0
"""How long an audit may take once the state is copied."""


def audit_of(layout: Layout, copier: StateCopier) -> Audit:
    """Make the audit of the process whose state ``copier`` copies."""
    return Audit(copier, layout.root, layout.audit_lock, partial(_compare, layout))


def _compare(layout: Layout, copy: int) -> dict[str, Any]:
    arguments = [str(layout.root), f"/proc/self/fd/{copy}"]
    found: dict[str, Any] = orjson.loads(
        run_module("inventory.verification.audit_child", arguments, seconds=SECONDS, keep=[copy])
    )
    return found
