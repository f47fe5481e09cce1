"""Bulkhead: so many at work at once, and the next is refused, so that one kind of work leaves room for the others."""

import threading


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
