"""gunicorn's settings, made from ours."""

import resource
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from inventory.server.hooks import Hooks
from inventory.server.listen_address import address
from inventory.server.shutdown import END_SECONDS, drain_seconds
from inventory.server.worker_class import gunicorns_name, log_choice
from inventory.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where a worker's sign of life does not wait for a disk
_FROZEN_AFTER_SECONDS = 10
_KEEPALIVE_SECONDS = 75
_CONNECTIONS_AT_MOST = 1000
_STDERR = 2


def gunicorn_settings(settings: Settings, hooks: Hooks) -> dict[str, Any]:
    """Return gunicorn's settings by name."""
    names = (
        "on_starting",
        "when_ready",
        "nworkers_changed",
        "pre_fork",
        "post_fork",
        "post_worker_init",
        "worker_int",
        "worker_exit",
        "child_exit",
        "on_exit",
    )
    return {
        "proc_name": "inventory",
        "bind": address(settings.host, settings.port),
        "worker_class": gunicorns_name(settings),
        "workers": settings.web_concurrency,
        "threads": settings.threads,
        "worker_connections": _connections(settings.threads),
        "preload_app": False,
        "max_requests": 0,
        # Kills a frozen worker, not a stuck request: the main loop sends the heartbeat.
        "timeout": _FROZEN_AFTER_SECONDS,
        # When the master kills a worker that ends: after its requests and its last jobs.
        "graceful_timeout": drain_seconds(settings) + END_SECONDS,
        # Longer than proxies keep an idle connection (nginx, most load balancers: 60 s). The server must not close
        # first, or a change that was just sent is lost without an answer and not retried.
        "keepalive": _KEEPALIVE_SECONDS,
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        # Requests: the parser in Python. The one in C needs a compiler, and changes were no faster (docs/speed.md).
        "http_parser": "python",
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        # By default any program on this host could set SCRIPT_NAME and PATH_INFO with a header.
        "forwarder_headers": "",
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
        # By default all servers of a user share one control socket.
        "control_socket_disable": True,
        # The app logs its requests itself.
        "accesslog": None,
        "loglevel": settings.log_level,
        "logger_class": LOGGER_CLASS,
        "logconfig_dict": logging_dictionary(settings.log_level, settings.log_format),
        **{name: getattr(hooks, name) for name in names},
    }


def _connections(threads: int) -> int:
    """The maximum number of open connections of a worker: half of the files that it may open.

    Without a free descriptor a worker can neither accept nor write: measured, 2,300 idle connections ended both workers
    with a limit of 1,024.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = 2 * _CONNECTIONS_AT_MOST
    # gunicorn uses what exceeds the number of threads for idle connections.
    return max(min(_CONNECTIONS_AT_MOST, files // 2), 2 * threads)


LOGGER_CLASS = "inventory.server.gunicorn_settings.QuietLogger"


class QuietLogger(Logger):  # type: ignore[misc]
    """First logs which worker class serves; keeps no access log.

    The app logs its requests itself, with their ids. ``accesslog = None`` alone is not enough: with a logging
    dictionary gunicorn 27 still collects about sixty values for a line that is never written: measured, 60 µs for each
    request.
    """

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        # gunicorn creates its logger before it logs anything.
        log_choice(self, cfg.worker_class_str)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """See ``Logger.warning``; the line has, and is limited by, the place of the caller, not of this method."""
        self.error_log.warning(msg, *args, **{"stacklevel": 2, **kwargs})

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing."""


def logging_dictionary(level: str, form: str) -> dict[str, Any]:
    """Return the dictionary for ``logging.config.dictConfig`` in the master.

    Each thread writes its own lines: a writing thread in the master would be started before the fork.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        # One format for every line of the service, named by its import path, as gunicorn and logging do.
        "formatters": {"line": {"()": "inventory.web.log_lines.formatter", "form": form, "descriptor": _STDERR}},
        "filters": {"limit": {"()": "inventory.web.log_limits.WarningLimit"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["limit"],
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {"gunicorn.error": {"level": level.upper(), "handlers": ["stderr"], "propagate": False}},
        "root": {"level": "WARNING", "handlers": []},
    }
