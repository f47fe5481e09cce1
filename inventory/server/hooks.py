"""The hooks that gunicorn calls when its master and its workers start and end.

The order is: on_starting (master) → when_ready (master) → pre_fork (master) → post_fork → the app is created →
post_worker_init, once for each worker → worker_exit → child_exit (master) → on_exit (master).
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from inventory.domain.errors import Unavailable, for_people
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.eventlog.recovery import Recovery
from inventory.resilience.token_bucket import SharedItems
from inventory.server.connection_share import ConnectionCounts, ConnectionShare
from inventory.server.listen_address import AddressRefused, is_loopback, url, wait_until_free
from inventory.server.metrics_folder import make_metrics_folder, reserve_files
from inventory.server.periodic_jobs import PeriodicJobs, PeriodicThread
from inventory.server.pinning import CorePlan, pin
from inventory.server.shutdown import (
    LAST_SYNC_SECONDS,
    drain_seconds,
    end_gently_on_sigint,
    let_signals_end_booting_workers,
)
from inventory.server.worker_class import OWN, class_of, drop_stalled_clients
from inventory.settings import Reading, Settings
from inventory.web import logs
from inventory.web.log_limits import WarningLimit
from inventory.wiring import BUCKETS_FILE, PRELOADED_STATE, Services, clock_warning, cut_message, layout_of, prepare

# gunicorn has no types.
Master: TypeAlias = Any
Worker: TypeAlias = Any

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_REPORT_SECONDS = 2.0


class Hooks:
    """The hooks of one master, and the objects that they share."""

    def __init__(
        self, settings: Settings, prepare: Callable[..., Recovery] = prepare, reading: Reading | None = None
    ) -> None:
        """:param reading: how the settings were found, for what the log says of it at the start."""
        self._settings = settings
        self._reading = reading or Reading(settings)
        self._prepare = prepare
        self._cores = CorePlan(settings.pin_workers, os.sched_getaffinity(0))
        self._held = ExitStack()
        self._connections = ConnectionCounts(settings.web_concurrency)
        self._live: list[Worker] = []
        self._wanted = settings.web_concurrency
        self._all_workers_are_made = False

    def on_starting(self, server: Master) -> None:
        """Check everything that can refuse a start. A refused start ends with status 1 and one line."""
        if server.cfg.preload_app:
            self._refuse(server, "preload_app is not supported: threads would start before the fork")
        try:
            for place in _new_addresses(server):
                wait_until_free(*place[:2], report=server.log.warning)
            # Before anything imports prometheus_client, which reads the variable once.
            metrics = make_metrics_folder()
            self._held.callback(metrics.remove)
            os.environ[METRICS_VARIABLE] = str(metrics.path)
            SharedItems.make(metrics.path / BUCKETS_FILE)
            self._held.enter_context(server_presence(layout_of(self._settings)))
            recovery = self._prepare(self._settings, progress=_Progress(server.log))
        except (StartRefused, AddressRefused, Unavailable) as error:
            self._refuse(server, for_people(error))
        except OSError as error:
            self._refuse(server, f"{error.filename or 'the system'} cannot be used: {error.strerror or error}")
        PRELOADED_STATE.give(recovery.folded)
        os.register_at_fork(after_in_parent=self._let_go)
        self._log_start(server, recovery)

    def _log_start(self, server: Master, recovery: Recovery) -> None:
        if (ignored := self._reading.passed_over()) is not None:
            server.log.info("%s", ignored)
        for near_miss in self._reading.warnings():
            server.log.warning("%s", near_miss)
        for warning in (cut_message(recovery), clock_warning(recovery)):
            if warning is not None:
                server.log.warning("%s", warning)
        if self._settings.failpoints:
            server.log.warning("FAILPOINTS is set: the workers inject faults, for tests only")
        for place in server.cfg.address:
            if isinstance(place, tuple) and not is_loopback(place[0]):
                server.log.warning(
                    "listening on %s, but the service does not authenticate callers yet: anyone who reaches this port"
                    " can change stock. Put a proxy that authenticates in front, or listen on 127.0.0.1.",
                    place[0],
                )

    def when_ready(self, server: Master) -> None:
        """Install the signal handlers for shutdown; gunicorn has installed its own by now.

        On a terminal, say where the service is.
        """
        end_gently_on_sigint()
        let_signals_end_booting_workers()
        if sys.stderr.isatty():
            for place in (listener.sock.getsockname() for listener in server.LISTENERS):
                if isinstance(place, tuple):
                    server.log.info("Open %s in a browser. Ctrl-C stops the server.", url(*place[:2]))

    def nworkers_changed(self, _: Master, workers: int, before: int | None) -> None:
        """Remember the intended number of workers, which gunicorn's command line may give, too.

        While a reload replaces them, there are more.
        """
        self._wanted = workers
        if before is None:
            # There are no workers yet.
            self._connections = ConnectionCounts(workers)

    def pre_fork(self, _: Master, worker: Worker) -> None:
        """Choose the core and the slot of the next worker, and check whether it is the last one."""
        worker.core = self._cores.core_for_next([live.core for live in self._live], self._wanted)
        worker.slot = self._connections.take_slot()
        self._live.append(worker)
        self._all_workers_are_made = len(self._live) >= self._wanted

    def post_fork(self, server: Master, worker: Worker) -> None:
        """Reserve space for the counters of this process, and pin it before the app starts threads.

        Each thread keeps the cores that it was started with.
        """
        # Only in this process: the master waits longer, so that there is time for the last pass.
        worker.cfg.set("graceful_timeout", drain_seconds(self._settings))
        if class_of(worker) == OWN:
            # With reuse_port each worker has a socket and a queue of its own: no other worker can accept its clients.
            is_shared = worker.slot is not None and not worker.cfg.reuse_port
            worker.begin(self._settings, ConnectionShare(self._connections, worker.slot) if is_shared else None)
        else:
            drop_stalled_clients(worker.sockets, self._settings.client_timeout_ms / 1000)
        if METRICS_VARIABLE in os.environ:
            try:
                reserve_files(Path(os.environ[METRICS_VARIABLE]), os.getpid())
            except OSError as error:
                worker.log.warning(
                    "no disk space for the counters of this worker; writing them may crash it: %s", error
                )
        if worker.core is None:
            return
        try:
            pin(worker.core)
        except OSError as error:
            worker.log.warning("cannot pin this worker to core %d; it runs on any: %s", worker.core, error)

    def post_worker_init(self, worker: Worker) -> None:
        """Connect the worker with the application, which exists by now; start the periodic jobs."""
        services: Services = worker.wsgi.extensions["inventory"]
        services.serving.worker_class = class_of(worker)
        if services.serving.worker_class == OWN:
            worker.join(services)
        else:
            # It has installed its own handlers by now, and ends by itself when its requests are done.
            end_gently_on_sigint(services.stopping.set)
            worker.drained = True
            PeriodicThread("warnings", WarningLimit.tell).start()
        WarningLimit.count_with(services.log_lines_left_out)
        if self._settings.sync_mode == "thread":
            worker.background = PeriodicJobs(services)
            worker.background.start()

    def worker_int(self, worker: Worker) -> None:
        """Record that a worker ends quickly: called after SIGQUIT, and by gunicorn's own class after SIGINT."""
        worker.drained = False

    def worker_exit(self, _: Master, worker: Worker) -> None:
        """Publish what is not published yet, if the requests of the worker are done; write the log lines.

        After SIGQUIT they are not done, and nothing waits. The master also calls this, for a worker that has vanished.
        Durability does not depend on it: a worker that is killed meanwhile loses nothing.
        """
        background = getattr(worker, "background", None)
        if background is not None:
            if getattr(worker, "drained", False):
                background.finish(LAST_SYNC_SECONDS)
            else:
                background.stop()
        logs.flush()

    def child_exit(self, _: Master, worker: Worker) -> None:
        """Remove the gauges of the worker."""
        from prometheus_client.multiprocess import mark_process_dead

        self._live = [live for live in self._live if live is not worker]
        if worker.slot is not None:
            self._connections.give_back(worker.slot)
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]

    def on_exit(self, _: Master) -> None:
        """Remove what the server has created for its run."""
        self._held.close()

    def _let_go(self) -> None:
        # The master never serves; a worker that replaces another later reads the later events from the log.
        if self._all_workers_are_made:
            PRELOADED_STATE.take()

    def _refuse(self, server: Master, reason: str) -> NoReturn:
        self.on_exit(server)
        _remove_pid_file(server.cfg.pidfile)
        sys.stderr.write(f"inventory: {reason}\n")
        sys.exit(1)


class _Progress:
    """Logs how far the log has been checked, every two seconds."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._next = time.monotonic() + _REPORT_SECONDS

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next and total:
            self._next = now + _REPORT_SECONDS
            self._log.info("checking the event log: %d %%", 100 * done // total)


def _new_addresses(server: Master) -> list[tuple[Any, ...]]:
    """The TCP addresses that gunicorn will bind itself: none if it inherits sockets."""
    if "GUNICORN_FD" in os.environ or os.environ.get("LISTEN_PID") == str(os.getpid()):
        return []
    return [place for place in server.cfg.address if isinstance(place, tuple)]


def _remove_pid_file(name: str | None) -> None:
    """Remove the PID file of this process, which gunicorn has written and removes only after it has served."""
    # After SIGUSR2 the file of the new master has another name.
    for path in map(Path, () if name is None else (name, f"{name}.2")):
        with suppress(OSError, ValueError):
            if int(path.read_text()) == os.getpid():
                path.unlink()
