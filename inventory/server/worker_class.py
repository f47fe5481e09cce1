"""The choice of the worker class: the service's own, or gunicorn's own worker with threads, which is slower.

With ``gthread`` nothing of ``gunicorn_seam`` is used, and the hooks depend only on what gunicorn documents.
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
"""The releases of gunicorn that ``gunicorn_seam`` was written for."""
_OWN_BY_NAME = "inventory.server.worker.InventoryWorker"


def gunicorns_name(settings: Settings, release: str = gunicorn.__version__) -> str:
    """Return gunicorn's name of the worker class to use: also ``gthread`` if the release is unknown."""
    return _OWN_BY_NAME if settings.worker_class == OWN and release in KNOWN_RELEASES else GUNICORNS


def class_of(worker: Any) -> str:
    """Return ``OWN`` or ``GUNICORNS``; the latter also for classes given on gunicorn's command line."""
    return str(getattr(worker, "worker_class", GUNICORNS))


def log_choice(log: Any, name: str, release: str = gunicorn.__version__) -> None:
    """Log which worker class serves.

    :param name: gunicorn's name of it.
    """
    name = OWN if name == _OWN_BY_NAME else name
    if release in KNOWN_RELEASES:
        log.info("Serving with the worker class %s on gunicorn %s", name, release)
    else:
        known = ", ".join(KNOWN_RELEASES)
        log.warning("Serving with the worker class %s on gunicorn %s: %s has run on %s only", name, release, OWN, known)


def drop_stalled_clients(listeners: Iterable[Any], seconds: float) -> None:
    """Let the kernel time out each read and write on a client's connection after ``seconds``.

    For gunicorn's own worker, whose threads wait for clients for ever. Accepted connections inherit it (Linux).
    """
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    for listener in listeners:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
