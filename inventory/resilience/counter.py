"""Counting what happens where no metrics are known."""

import threading
from collections.abc import Callable


class LocalCounter:
    """How often something has happened; calling it counts once more.

    ``report_to`` passes every count on, those from before included.
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
        """How often so far."""
        return self._count

    def report_to(self, tell: Callable[[int], None]) -> None:
        """Tell of what was counted so far, and of every further one."""
        with self._guard:
            before = self._count
            self._listeners.append(tell)
        tell(before)
