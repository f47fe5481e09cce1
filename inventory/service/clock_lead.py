"""How far the time of the service is ahead of the wall clock, after a clock was wrong once."""

from collections.abc import Callable

from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.values import Instant

TOLERATED_MS = 60_000
"""A lead of up to this is not reported: the clocks of two hosts differ, and are adjusted."""


class ClockLead:
    """The lead of event time over the wall clock.

    Event time never goes below the last event, so after a wall clock was ahead it stays ahead until the wall clock has
    caught up.
    """

    def __init__(self, now: Callable[[], Instant], wall: Callable[[], int]) -> None:
        """:param now: the time of the service. :param wall: the wall clock, in microseconds since 1970 UTC."""
        self._now = now
        self._wall = wall

    def ms(self) -> int:
        """The lead in milliseconds; negative if the time of the service is behind."""
        # Towards zero: a microsecond between the two readings is no millisecond.
        return int((self._now() - self._wall()) / 1000)

    def require_certain(self, at: Instant, later: Instant, field: str) -> None:
        """Check that an event stamped ``later`` really happened after the instant ``at``.

        :raises AsOfUncertain: its stamp is later than the wall clock is now, so it happened earlier than it says.
        """
        latest = self._wall() + TOLERATED_MS * 1000
        if at <= latest < later:
            raise AsOfUncertain(field, self.ms())


class AsOfUncertain(ValidationFailed):
    """The state at an instant is uncertain: events that may be from before it carry a time in the future.

    :ivar clock_ahead_ms: how far the time of the service is ahead.
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
