"""Bulkheads: bounds on concurrent work, in calls or in bytes."""

import threading
from collections.abc import Callable


class Bulkhead:
    """Limits concurrent calls. A caller that ``enter`` admits calls ``leave`` when it is done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._at_work = 0

    @property
    def at_work(self) -> int:
        """The number of calls inside."""
        return self._at_work

    def enter(self) -> bool:
        """Enter if there is room; return whether there was. Never waits."""
        with self._guard:
            if self._at_work >= self._limit:
                return False
            self._at_work += 1
            return True

    def leave(self) -> None:
        """Make room for another call."""
        with self._guard:
            self._at_work -= 1


class ByteBudget:
    """Limits bytes that are kept, such as unsent answers; safe from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guard = threading.Lock()
        self._used = 0
        self._tell: Callable[[int], object] = lambda _: None

    @property
    def used(self) -> int:
        """The bytes kept now."""
        return self._used

    @property
    def remaining(self) -> int:
        """How many more bytes may be kept."""
        return self._limit - self._used

    def take(self, size: int) -> bool:
        """Count ``size`` more bytes, unless they exceed the limit; return whether they are counted."""
        with self._guard:
            if self._used + size > self._limit:
                return False
            self._used += size
            self._tell(self._used)
            return True

    def give_back(self, size: int) -> None:
        """Stop counting ``size`` bytes."""
        with self._guard:
            self._used -= size
            self._tell(self._used)

    def report_to(self, tell: Callable[[int], object]) -> None:
        """Call ``tell`` with the bytes kept, now and after each change; it must neither wait nor raise."""
        with self._guard:
            self._tell = tell
            tell(self._used)
