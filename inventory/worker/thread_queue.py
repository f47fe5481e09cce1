"""gunicorn's own queue: requests that were accepted and wait for a thread."""

from collections.abc import Callable
from typing import Any


def waiting_for_a_thread(worker: Any) -> Callable[[], int] | None:
    """Return what tells how many wait; ``None`` where this gunicorn keeps them elsewhere.

    Nothing public tells it: the thread worker has a ``ThreadPoolExecutor`` as ``tpool``, and that a ``_work_queue``.
    """
    size = getattr(getattr(getattr(worker, "tpool", None), "_work_queue", None), "qsize", None)
    return size if callable(size) else None
