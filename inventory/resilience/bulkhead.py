"""Bulkheads: bounds on what is at work at once, in calls or in bytes."""

import threading
from collections.abc import Callable


class Bulkhead:
    """Counts who is at work. Whoever is let in calls ``leave`` when it is done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._at_work = 0

    @property
    def at_work(self) -> int:
        """How many are inside."""
        return self._at_work

    def enter(self) -> bool:
        """Go in if there is room; never waits."""
        with self._guard:
            if self._at_work >= self._limit:
                return False
            self._at_work += 1
            return True

    def leave(self) -> None:
        """Make room for another."""
        with self._guard:
            self._at_work -= 1


class ByteBudget:
    """Counts bytes that are kept for others; safe from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._used = 0
        self._tell: Callable[[int], object] = lambda _: None

    @property
    def used(self) -> int:
        """How many bytes are kept now."""
        return self._used

    @property
    def remaining(self) -> int:
        """How many more may be kept."""
        return self._limit - self._used

    def take(self, size: int) -> bool:
        """Count ``size`` more bytes, unless they exceed the limit; returns whether they are counted."""
        with self._guard:
            if self._used + size > self._limit:
                return False
            self._used += size
            self._tell(self._used)
            return True

    def give_back(self, size: int) -> None:
        """``size`` bytes are no longer kept."""
        with self._guard:
            self._used -= size
            self._tell(self._used)

    def report_to(self, tell: Callable[[int], object]) -> None:
        """Call ``tell`` with what is kept, now and after each change; it must neither wait nor raise."""
        with self._guard:
            self._tell = tell
            tell(self._used)
