"""gunicorn's own lines (starting, stopping, workers that die, malformed requests): JSON on stderr."""

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

LOGGER_CLASS = "inventory.worker.gunicorn_log.QuietLogger"


class QuietLogger(Logger):  # type: ignore[misc]
    """Keeps no access log: the app logs its requests itself, with the id that belongs to them.

    ``accesslog = None`` alone does not do it: with a logging dictionary gunicorn 27 still collects some
    sixty values for a line that nobody writes: measured, 60 µs on each request.
    """

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """See ``Logger.warning``; the line says, and is limited by, where it comes from and not where this is."""
        self.error_log.warning(msg, *args, **{"stacklevel": 2, **kwargs})

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing."""


def logging_dictionary(level: str) -> dict[str, Any]:
    """Return what ``logging.config.dictConfig`` is given by the master.

    Written at once by whoever logs: a writing thread in the master would be one before the fork.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        # One format for every line of the service, named as gunicorn and logging name classes: by its place.
        "formatters": {"line": {"()": "inventory.web.log_lines.LineFormatter"}},
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
