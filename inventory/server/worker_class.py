"""Which worker class serves: the service's own, or gunicorn's own worker with threads, which is slower.

On ``gthread`` nothing of ``gunicorn_seam`` is used, and what the hooks do rests on what gunicorn documents.
"""

import socket
import struct
from collections.abc import Iterable
from typing import Any

import gunicorn  # type: ignore[import-untyped]

from inventory.settings import Settings

OWN, GUNICORNS = "inventory", "gthread"
"""The values of ``WORKER_CLASS``."""
KNOWN_RELEASES = ("27.0.1",)
"""The releases of gunicorn that ``gunicorn_seam`` was read for."""
_OWN_BY_NAME = "inventory.server.worker.InventoryWorker"


def gunicorns_name(settings: Settings, release: str = gunicorn.__version__) -> str:
    """Return what gunicorn calls the worker class that is to serve: ``gthread`` too where the release is not known."""
    return _OWN_BY_NAME if settings.worker_class == OWN and release in KNOWN_RELEASES else GUNICORNS


def class_of(worker: Any) -> str:
    """Return ``OWN`` or ``GUNICORNS``; the latter also for others, which were named on gunicorn's command line."""
    return str(getattr(worker, "worker_class", GUNICORNS))


def log_choice(log: Any, name: str, release: str = gunicorn.__version__) -> None:
    """Say in the log which one serves.

    :param name: gunicorn's name of it.
    """
    name = OWN if name == _OWN_BY_NAME else name
    if release in KNOWN_RELEASES:
        log.info("Serving with the worker class %s on gunicorn %s", name, release)
    else:
        known = ", ".join(KNOWN_RELEASES)
        log.warning("Serving with the worker class %s on gunicorn %s: %s has run on %s only", name, release, OWN, known)


def drop_stalled_clients(listeners: Iterable[Any], seconds: float) -> None:
    """Have the kernel give up a read or a write of a client's connection, each, after so many seconds.

    For gunicorn's own worker, whose threads wait for clients for ever. Accepted connections inherit it (Linux).
    """
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    for listener in listeners:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
