"""How far the service's time is ahead of the wall clock, after a clock was wrong once."""

from collections.abc import Callable

from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.values import Instant

TOLERATED_MS = 60_000
"""A lead of up to so much is not worth a word: clocks of two machines differ, and are adjusted."""


class ClockLead:
    """The lead of the time that events are stamped with over the wall clock.

    That time never goes below the last event, so it stays ahead where a wall clock was, until that has caught up.
    """

    def __init__(self, now: Callable[[], Instant], wall: Callable[[], int]) -> None:
        """:param now: the service's time. :param wall: the wall clock, in microseconds since 1970 UTC."""
        self._now = now
        self._wall = wall

    def ms(self) -> int:
        """How many milliseconds; below zero where the service's time is behind."""
        return (self._now() - self._wall()) // 1000

    def require_certain(self, at: Instant, later: Instant, field: str) -> None:
        """Check that an event stamped ``later`` really happened after the instant ``at``.

        :raises AsOfUncertain: it is stamped later than the wall clock is now, so it did not happen then.
        """
        latest = self._wall() + TOLERATED_MS * 1000
        if at <= latest < later:
            raise AsOfUncertain(field, self.ms())


class AsOfUncertain(ValidationFailed):
    """What was at an instant cannot be told: events that may be of before it are stamped with a time to come.

    :ivar clock_ahead_ms: how far the service's time is ahead.
    """

    def __init__(self, field: str, ahead_ms: int) -> None:
        told = (
            f"cannot be answered: the clock of the service is {duration(ahead_ms)} ahead of the wall clock, and later"
            " changes of this record carry that time; use asOfSequence, or a ts from the history of the record"
        )
        super().__init__((FieldProblem(field, told),))
        self.clock_ahead_ms = ahead_ms


def duration(ms: int) -> str:
    """A duration for people, in its largest unit."""
    for unit, size in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if ms >= 2 * size:
            return f"{ms / size:,.0f} {unit}s"
    return f"{ms / 1000:,.0f} seconds"
