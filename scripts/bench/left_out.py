"""The parts that replace pieces of gunicorn, each with a way to leave it out, for ``scripts/stand_ins.py``.

Applied in a master before it forks. Parts that correctness or a bound on costs rests on (``Sender``, ``Closer``,
``ClientSocket``, the checks of heads) have no entry.
"""

import selectors
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue  # type: ignore[import-untyped]

from inventory.server import exchange, gunicorn_seam, gunicorn_settings, worker

VARIABLE = "BENCH_LEFT_OUT"


class _FuturesPool(ThreadPoolExecutor):
    """gunicorn's pool, with the figure that the load shedder asks for."""

    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        return self._work_queue.qsize()


class _NeverDeferred:
    """No answer is of this class, so each thread waits for its change."""


def _finish_body(conn: Any) -> None:
    conn.parser.finish_body(deadline=time.monotonic() + 5.0)


def _keep_looking_up(_: Any) -> None:
    """The settings stay as gunicorn has them."""


_INSTEAD: Mapping[str, list[tuple[Any, str, Any]]] = {
    "deferred answers": [(worker, "Deferred", _NeverDeferred)],
    "thread pool": [(worker, "ThreadPool", _FuturesPool)],
    "poller": [(worker, "Poller", selectors.DefaultSelector)],
    "cached settings": [(worker, "cache_settings", _keep_looking_up)],
    "head with body": [(exchange, "Response", gunicorn_seam.wsgi.Response)],
    "forgotten request": [(module, "forget_request", _finish_body) for module in (worker, gunicorn_seam)],
    "no access line": [(gunicorn_settings.QuietLogger, "access", Logger.access)],
    "main-loop calls": [(worker, "MainLoopCalls", PollableMethodQueue)],
}
LEFT_OUT = tuple(_INSTEAD)
"""What each is called in the table of ADR 27."""


def leave_out(name: str) -> None:
    """Have gunicorn's own do its part, in this process and those that it forks."""
    for place, attribute, instead in _INSTEAD[name]:
        setattr(place, attribute, instead)
