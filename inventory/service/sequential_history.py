"""The part of ``EventHistory`` for engines that find events only by their sequence."""

import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence

from inventory.domain.events import Event
from inventory.domain.values import Instant, ItemId
from inventory.service.ports.event_history import EventsGone, Step

LOOK_AGAIN_SECONDS = 0.05


class SequentialHistory(ABC):
    """Walks from event to event, and polls for new ones. The engine adds the reads by sequence."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)
    monotonic: Callable[[], float] = staticmethod(time.monotonic)

    @abstractmethod
    def latest(self) -> int:
        """See ``EventHistory.latest``."""

    @abstractmethod
    def earliest(self, *, archived: bool) -> int:
        """See ``EventHistory.earliest``."""

    @abstractmethod
    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """See ``EventHistory.events``."""

    def first_beside(self, sequence: int) -> int:
        """The first event that is cheap to read once the event ``sequence`` was read."""
        return 1

    def wait_beyond(self, sequence: int, seconds: float) -> bool:
        """See ``EventHistory.wait_beyond``."""
        until = self.monotonic() + seconds
        while self.latest() <= sequence:
            left = until - self.monotonic()
            if left <= 0:
                return False
            self.sleep(min(left, LOOK_AGAIN_SECONDS))
        return True

    def latest_by(self, instant: Instant) -> int:
        """See ``EventHistory.latest_by``: a binary search with one read for each step."""
        latest = self.latest()
        if not latest or self._instant_of(latest) <= instant:
            return latest
        for archived in (False, True):
            first = self.earliest(archived=archived)
            if first <= latest and self._instant_of(first) <= instant:
                return first - 1 + bisect_right(range(first, latest), instant, key=self._instant_of)
        return 0

    def of_record(self, item: ItemId, before: int, limit: int) -> Sequence[Step]:
        """See ``EventHistory.of_record``: each line names the previous one."""
        found: list[Step] = []
        sequence, first = before, self.first_beside(before)
        while sequence >= first and len(found) < limit:
            try:
                step = self._step(item, sequence)
            except EventsGone:
                if found:
                    break
                raise
            if step is None:
                break
            found.append(step)
            sequence = step.line.previous
        return found

    def _step(self, item: ItemId, sequence: int) -> Step | None:
        for event in self.events(sequence, 1, archived=True):
            for line in event.lines:
                if line.item == item:
                    return Step(event, line)
        return None

    def _instant_of(self, sequence: int) -> Instant:
        (event,) = self.events(sequence, 1, archived=True)
        return event.at
