"""A counter for code that does not know the metrics."""

import threading
from collections.abc import Callable


class LocalCounter:
    """Counts events; a call counts one more.

    ``report_to`` passes on every count, including earlier ones.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._count = 0
        self._listeners: list[Callable[[int], None]] = []

    def __call__(self) -> None:
        with self._guard:
            self._count += 1
            listeners = tuple(self._listeners)
        for tell in listeners:
            tell(1)

    @property
    def count(self) -> int:
        """The count so far."""
        return self._count

    def report_to(self, tell: Callable[[int], None]) -> None:
        """Call ``tell`` with the count so far, and with 1 for every further event."""
        with self._guard:
            before = self._count
            self._listeners.append(tell)
        tell(before)
