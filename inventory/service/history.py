"""The feed of events, the history of a record, and a record as it was."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing

from inventory.domain.commands import Seen
from inventory.domain.errors import (
    FieldProblem,
    InventoryError,
    ItemNotFound,
    NeedsOperator,
    Overloaded,
    ValidationFailed,
)
from inventory.domain.events import COUNTED, Event, record_after
from inventory.domain.record import Record
from inventory.domain.values import Instant, ItemId
from inventory.resilience.bulkhead import Bulkhead
from inventory.service.clock_lead import ClockLead
from inventory.service.hold_history import HoldHistory
from inventory.service.ports.event_history import (
    EventHistory,
    EventPage,
    EventsGone,
    FeedAhead,
    FeedGone,
    HistoryPage,
    Step,
)
from inventory.service.ports.stock_reads import StockReads

FARTHEST = 20_000
"""The maximum number of changes of a record that one request goes back."""
NEAR = 100
"""Any request may go back this many; going further needs one of a few places."""
MANY_LINES = 50_000
"""Lines of the events and reservations on one page of a history: more do not fit into 4 MiB of JSON."""
LONGEST_SECONDS = 5.0
"""Of one walk, which may decompress archive segments, each in half a second."""
_LOOK_WHETHER_STOPPING_SECONDS = 0.05
_PART = 32
"""Steps of a record that are read at once; fewer at first, since most requests need few."""


class HistoryService:
    """Answers from the log itself, without a copy."""

    def __init__(
        self,
        stock: StockReads,
        events: EventHistory,
        monotonic: Callable[[], float] = time.monotonic,
        far_walks: int = 4,
        lead: ClockLead | None = None,
    ) -> None:
        """:param far_walks: limits concurrent reads far back; each occupies a thread and the interpreter."""
        self._stock = stock
        self._events = events
        self._holds = HoldHistory(events, monotonic)
        self._monotonic = monotonic
        self._lead = lead
        self._far = Bulkhead(far_walks)

    def page(
        self, after: int, limit: int, asked_in: str = "after", before_reading: Callable[[int], None] = lambda _: None
    ) -> EventPage:
        """Events after the sequence ``after``, from the log without its archive.

        :param asked_in: the caller's name for ``after``, for refusals.
        :param before_reading: called with the maximum number of events; its errors are raised.
        :raises FeedGone: the next one was compacted. :raises FeedAhead: ``after`` does not exist yet.
        """
        latest, withheld = self._events.latest(), self._events.withheld()
        if after > latest:
            raise withheld or FeedAhead(asked_in, latest)
        many = min(limit, latest - after)
        before_reading(many)
        try:
            # Events since ``latest`` was read are for the next page.
            found = self._events.events(after + 1, many, archived=False)
        except EventsGone as error:
            raise FeedGone(error.earliest) from error
        return EventPage(self._holds.completed(found), latest, self._events.ids(), withheld is not None)

    def has_more(self, after: int) -> bool:
        """Whether a page after the sequence ``after`` would not be empty, or would be refused."""
        return self._events.latest() != after

    def wait_for(self, after: int, seconds: float, *, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Wait until there is an event after ``after``; return whether there is one."""
        until = self._monotonic() + seconds
        while (left := until - self._monotonic()) > 0 and not stopping():
            if self._events.wait_beyond(after, min(left, _LOOK_WHETHER_STOPPING_SECONDS)):
                return True
        return self._events.latest() > after

    def of_record(self, item: ItemId, before: int | None, limit: int) -> HistoryPage:
        """The history of a record, the latest step first; from the sequence ``before`` on, if it is given.

        The page is short if its next step is gone, if its events have very many lines, or if reading takes too long.

        :raises ItemNotFound: there is no such record. :raises ValidationFailed: ``before`` is not an event of it.
        :raises EventsGone: this part of the archive was deleted.
        """
        (record, withheld), until = self._record(item), self._monotonic() + LONGEST_SECONDS
        steps: list[Step] = []
        lines = 0
        try:
            with closing(self._back(item, record.sequence if before is None else before)) as back:
                for step in back:
                    steps.append(step)
                    lines += _lines_of(step.event)
                    if len(steps) == limit or lines >= MANY_LINES or self._monotonic() >= until:
                        break
        except (EventsGone, Overloaded):
            # The request for the next page gets the refusal; this one has what exists.
            if not steps:
                raise
        whole = self._holds.completed([step.event for step in steps])
        steps = [Step(event, step.line) for event, step in zip(whole, steps, strict=False)]
        return HistoryPage(steps, steps[-1].line.previous or None, record.sequence, withheld is not None)

    def record_at(self, item: ItemId, *, sequence: int | None = None, at: Instant | None = None) -> Record:
        """The record as it was after the event ``sequence`` and at the instant ``at``: at the earlier of both.

        :raises ItemNotFound: it did not exist yet. :raises NeedsOperator: events up to then are withheld.
        :raises ValidationFailed: the event does not exist yet, or is too many changes back.
        :raises AsOfUncertain: see ``ClockLead``.
        :raises EventsGone: the archive no longer has that time. :raises Overloaded: it is far back, and there are too
            many such reads.
        """
        latest = self._events.latest()
        if sequence is not None and sequence > latest:
            raise self._events.withheld() or ValidationFailed(
                (FieldProblem("asOfSequence", f"does not exist yet; the latest event is {latest}"),)
            )

        def is_past(happened: int, when: Instant) -> bool:
            return (sequence is None or happened <= sequence) and (at is None or when <= at)

        record, withheld = self._record(item)
        if withheld is not None and sequence is None and at is not None and self._events.latest_by(at) == latest:
            # A withheld change of it may have happened by then.
            raise withheld
        if is_past(record.sequence, record.updated_at):
            # Its last change may be in a deleted part of the archive.
            return record
        later = (record.sequence, record.updated_at)
        with closing(self._walk(record, "asOf")) as steps:
            for step in steps:
                if is_past(step.event.sequence, step.event.at):
                    self._require_certain(sequence, at, later)
                    return record_after(step.line, step.event.sequence, step.event.at)
                later = (step.event.sequence, step.event.at)
        self._require_certain(sequence, at, later)
        raise ItemNotFound(item)

    def _require_certain(self, sequence: int | None, at: Instant | None, later: tuple[int, Instant]) -> None:
        """Check that the first change left out is certainly later: by its sequence, or by a time in the past."""
        if at is not None and self._lead is not None and (sequence is None or later[0] <= sequence):
            self._lead.require_certain(at, later[1], "asOf")

    def seen_at(self, item: ItemId, version: int, field: str, known: Seen | None = None) -> Seen:
        """What to compare a count with that was made with this version on the screen.

        :param known: the result of an earlier call: only later changes are read.
        :raises ValidationFailed: names ``field``: the version does not exist yet, or is too many changes back.
        :raises: as ``record_at``.
        """
        record, _ = self._record(item)
        if version > record.version:
            raise ValidationFailed((FieldProblem(field, f"is above the current version, which is {record.version}"),))
        until = version if known is None else known.version
        if record.version == until:
            return Seen(record.on_hand, until) if known is None else known
        counted = 0
        with closing(self._walk(record, field)) as steps:
            for step in steps:
                if step.line.version <= until:
                    then = step.line.on_hand if known is None else known.on_hand
                    return Seen(then + counted, record.version)
                if step.event.type == COUNTED:
                    counted += step.line.on_hand_delta
        raise ItemNotFound(item)

    def _walk(self, record: Record, field: str) -> Generator[Step, None, None]:
        """The steps of a record from the latest on, within the limits of one request."""
        until = self._monotonic() + LONGEST_SECONDS
        with closing(self._back(record.item, record.sequence)) as back:
            for walked, step in enumerate(back, start=1):
                yield step
                if walked == FARTHEST:
                    problem = f"is more than {FARTHEST} changes of the record back; read its history"
                    raise ValidationFailed((FieldProblem(field, problem),))
                if self._monotonic() >= until:
                    raise Overloaded("reading this far back takes too long; read the history of the record")

    def _back(self, item: ItemId, sequence: int) -> Generator[Step, None, None]:
        walked = 0
        with ExitStack() as held:
            while sequence:
                if walked == NEAR:
                    if not self._far.enter():
                        raise Overloaded("too many concurrent reads of old versions")
                    held.callback(self._far.leave)
                many = min(_PART, max(1, walked), NEAR - walked if walked < NEAR else _PART)
                steps = self._events.of_record(item, sequence, many)
                if not steps:
                    raise ValidationFailed(
                        (FieldProblem("cursor", f"event {sequence} does not belong to this record"),)
                    )
                yield from steps
                last = steps[-1]
                walked, sequence = walked + len(steps), last.line.previous
                if not sequence and last.line.version > 1:
                    # Format 1 of the log does not say where the previous step is.
                    raise EventsGone(last.event.sequence)

    def _record(self, item: ItemId) -> tuple[Record, InventoryError | None]:
        """A record as of its latest durable event, and why later events of it are withheld."""
        try:
            record = self._stock.record(item)
        except NeedsOperator:
            withheld = self._events.withheld()
            before = None if withheld is None else self._events.before_doubt(item)
            if before is None:
                raise
            return before, withheld
        if record is None:
            raise ItemNotFound(item)
        return record, None


def _lines_of(event: Event) -> int:
    return len(event.lines) + (0 if event.reservation is None else len(event.reservation.lines))
