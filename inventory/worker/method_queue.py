"""gunicorn's way to have its main thread do something, safe beside its end."""

import threading
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import PollableMethodQueue  # type: ignore[import-untyped]


class ClosableMethodQueue(PollableMethodQueue):  # type: ignore[misc]
    """After ``close`` nothing is taken and nothing is written.

    gunicorn's keeps the number of its pipe: a thread that is done after the end of the worker, when the disk comes
    back, would write a NUL to whichever file has that number by then.
    """

    def __init__(self) -> None:
        super().__init__()
        # A signal's handler defers too, in the thread that may be at it already.
        self._guard = threading.RLock()
        self._is_closed = False

    def defer(self, callback: Callable[..., Any], *args: Any) -> None:
        """See ``PollableMethodQueue``."""
        with self._guard:
            if not self._is_closed:
                super().defer(callback, *args)

    def close(self) -> None:
        """See ``PollableMethodQueue``."""
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                super().close()
