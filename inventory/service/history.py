"""What has happened: the events in order, the history of a record, and how a record was."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from inventory.domain.errors import FieldProblem, ItemNotFound, Refusal, ValidationFailed
from inventory.domain.events import Event, Line
from inventory.domain.record import Record
from inventory.domain.transition import record_after
from inventory.domain.values import Instant, ItemId
from inventory.service.ledger import Ledger

FARTHEST = 20_000
"""Changes of one record that are walked back for one question."""
_LOOK_AGAIN_SECONDS = 0.05


class EventsGone(Refusal):
    """Events were asked for that are no longer where they were looked for."""

    def __init__(self, earliest: int) -> None:
        super().__init__(f"the earliest event that is still there is {earliest}")
        self.earliest = earliest


class EventHistory(Protocol):
    """The port: events by their sequence."""

    def latest(self) -> int:
        """The sequence of the latest event that is committed."""

    def earliest(self, *, archived: bool) -> int:
        """The sequence of the first event that is there, with or without the archive."""

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """Up to ``limit`` durable events from the sequence ``first`` on, without gaps; none behind the latest.

        :raises EventsGone: ``first`` is no longer there.
        :raises StorageUnavailable: they cannot be read.
        """


class EventPage(NamedTuple):
    """Events in order, and the latest one that there was."""

    events: Sequence[Event]
    as_of_sequence: int


class Step(NamedTuple):
    """One event in the history of one record, and what it did to it."""

    event: Event
    line: Line


class HistoryPage(NamedTuple):
    """Steps, the latest first. ``next_before``: the sequence of the next one; ``None`` where there is none."""

    steps: Sequence[Step]
    next_before: int | None
    as_of_sequence: int


class HistoryService:
    """Answers from the log itself; nothing here is kept twice."""

    def __init__(
        self,
        ledger: Ledger,
        events: EventHistory,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._sleep = sleep
        self._monotonic = monotonic

    def page(self, after: int, limit: int) -> EventPage:
        """Events after the sequence ``after``, from the log without its archive.

        :raises EventsGone: the next one was compacted away. :raises ValidationFailed: ``after`` has not happened yet.
        """
        latest = self._events.latest()
        if after > latest:
            raise ValidationFailed((FieldProblem("after", f"has not happened yet; the latest event is {latest}"),))
        earliest = self._events.earliest(archived=False)
        if after + 1 < earliest:
            raise EventsGone(earliest)
        return EventPage(self._events.events(after + 1, limit, archived=False), latest)

    def wait_for(self, after: int, seconds: float, *, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Wait until there is an event after ``after``; returns whether there is one."""
        until = self._monotonic() + seconds
        while self._events.latest() <= after:
            left = until - self._monotonic()
            if left <= 0 or stopping():
                return False
            self._sleep(min(left, _LOOK_AGAIN_SECONDS))
        return True

    def of_record(self, item: ItemId, before: int | None, limit: int) -> HistoryPage:
        """The history of a record, the latest step first; from the sequence ``before`` on, if it is given.

        :raises ItemNotFound: there is no such record. :raises ValidationFailed: ``before`` is no event of it.
        :raises EventsGone: this part of the archive was deleted.
        """
        record = self._record(item)
        steps: list[Step] = []
        for step in self._back(item, record.sequence if before is None else before):
            steps.append(step)
            if len(steps) == limit:
                break
        return HistoryPage(steps, steps[-1].line.previous or None, record.sequence)

    def record_at(self, item: ItemId, sequence: int) -> Record:
        """The record as it was after the event ``sequence``.

        :raises ItemNotFound: it was not there yet.
        :raises ValidationFailed: the event has not happened yet, or lies too many changes back.
        """
        latest = self._events.latest()
        if sequence > latest:
            raise ValidationFailed((FieldProblem("asOfSequence", f"has not happened yet; the latest is {latest}"),))
        return self._first(item, lambda step: step.event.sequence <= sequence)

    def record_at_version(self, item: ItemId, version: int, field: str) -> Record:
        """The record as it was at a version.

        :raises ValidationFailed: naming ``field``: it has not been there yet, or lies too many changes back.
        """
        record = self._record(item)
        if version > record.version:
            raise ValidationFailed((FieldProblem(field, f"is above the current version, which is {record.version}"),))
        return self._first(item, lambda step: step.line.version <= version)

    def sequence_at(self, at: Instant) -> int:
        """The sequence of the last event that had happened by then; 0 for none that is still there."""
        low, high = self._events.earliest(archived=True) - 1, self._events.latest()
        while low < high:
            middle = (low + high + 1) // 2
            if self._events.events(middle, 1, archived=True)[0].at <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def _first(self, item: ItemId, wanted: Callable[[Step], bool]) -> Record:
        for walked, step in enumerate(self._back(item, self._record(item).sequence)):
            if wanted(step):
                return record_after(step.line, step.event.sequence, step.event.at)
            if walked == FARTHEST:
                problem = f"lies more than {FARTHEST} changes of the record back; read its history"
                raise ValidationFailed((FieldProblem("asOf", problem),))
        raise ItemNotFound(item)

    def _back(self, item: ItemId, sequence: int) -> Iterator[Step]:
        while sequence:
            (event,) = self._events.events(sequence, 1, archived=True) or (None,)
            line = next((line for line in event.lines if line.item == item), None) if event is not None else None
            if event is None or line is None:
                raise ValidationFailed((FieldProblem("cursor", f"event {sequence} is none of this record"),))
            yield Step(event, line)
            sequence = line.previous
            if not sequence and line.version > 1:
                # Format 1 of the log did not say where the step before is.
                raise EventsGone(event.sequence)

    def _record(self, item: ItemId) -> Record:
        record = self._ledger.record(item)
        if record is None:
            raise ItemNotFound(item)
        return record
