"""One process's fold of the log, kept up with what all processes publish."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from inventory.domain.events import Event
from inventory.domain.state import State, fold
from inventory.eventlog.archive import SegmentFiles
from inventory.eventlog.errors import LogError, LogRewound, SegmentMissing, unreadable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import FORMAT, NotALine, decode, decode_next
from inventory.eventlog.log_reader import Cursor, LogReader, apart, line_at, place_of
from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.eventlog.snapshot import Restored
from inventory.service.ports.event_history import HistoryGone


@contextmanager
def gc_paused() -> Iterator[None]:
    """Leave the garbage collector out inside the ``with`` block, and what is there at its end for good.

    It would look at every record again and again, and half a second each time with 1,000,000 of them. What it never
    looks at stays in memory that processes share after a fork.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


class Replica:
    """The state up to some published event. Any thread may bring it up to date; none waits for a writer.

    :ivar newer_format: sequence of the first line that a newer program wrote, or ``None``.
    """

    def __init__(self, layout: Layout, files: SegmentFiles, shared: SharedHeader) -> None:
        self.state = State()
        self.newer_format: int | None = None
        self._layout = layout
        self._files = files
        self._shared = shared
        self._reader = LogReader(layout)
        self._mutex = threading.Lock()
        self._seen = -1
        self._times_made = shared.times_made
        self._current_at = time.monotonic()

    @property
    def cursor(self) -> Cursor:
        """Where the fold stands."""
        return self._reader.cursor

    def adopt(self) -> None:
        """Fold everything that is published.

        :raises LogDamaged: a line is not what was written; the state stands just before it.
        :raises LogRewound: the log was cut below what is folded; this state is worthless.
        """
        if self._shared.generation == self._seen:
            return
        with self._mutex:
            self._check_not_rewound()
            generation, end = self._shared.generation, self._shared.published()
            if generation == self._seen:
                return
            self._fold_to(end)
            self._seen = generation
            self._current_at = time.monotonic()

    def start_from(self, restored: Restored) -> bool:
        """Take over a state that was folded before, and fold from there on. Before anything else is folded.

        :returns: whether the log is still the one that it was folded from; nothing was taken over if not.
        :raises LogDamaged: the file is not there. :raises OSError: it cannot be read.
        """
        if restored.cursor.position.sequence > self._shared.published().sequence:
            return False
        with closing(LogReader(self._layout, restored.cursor)) as there:
            if not there.is_in_place():
                return False
        self.state, self.newer_format = restored.state, restored.newer_format
        self._reader.skip_to(restored.cursor)
        return True

    def load(self) -> None:
        """``adopt`` for a whole log."""
        with gc_paused():
            self.adopt()

    def publish(self, events: Sequence[Event], offsets: Sequence[int], end: Cursor) -> None:
        """Publish and fold events that were just written after the cursor. The caller holds the append lock.

        :param offsets: where each event's line begins in the segment of ``end``.
        """
        with self._mutex:
            self._shared.publish(end.position)
            for event, offset in zip(events, offsets, strict=True):
                fold(self.state, event, place_of(end.position.segment, offset))
            self._reader.skip_to(end)
            # Only now: a reader that finds something new waits for the fold, or it would be told of the
            # past after another process has told of what was just published.
            self._seen = self._shared.generation
            self._current_at = time.monotonic()

    def event_at(self, place: int) -> Event:
        """Return an event that was folded.

        :raises HistoryGone: it was deleted from the archive. :raises StorageUnavailable: it cannot be read.
        """
        segment, offset = apart(place)
        try:
            descriptor = self._files.open(segment)
            try:
                line = line_at(descriptor, offset)
            finally:
                os.close(descriptor)
            return decode(line).event
        except SegmentMissing as error:
            message = "this key was used before, and the event that holds its answer was deleted from the archive"
            raise HistoryGone(message) from error
        except (NotALine, LogError, OSError) as error:
            raise unreadable(error) from error

    @contextmanager
    def still(self) -> Iterator[State]:
        """Hold the state still for a listing or a copy: nothing is folded inside the ``with`` block.

        :raises LogRewound: see ``adopt``.
        """
        with self._mutex:
            self._check_not_rewound()
            yield self.state

    def lag_ms(self) -> int:
        """How long ago the state was last known to hold everything published."""
        if self._shared.generation == self._seen:
            return 0
        return round((time.monotonic() - self._current_at) * 1000)

    def close(self) -> None:
        """Close the log."""
        self._reader.close()

    def _check_not_rewound(self) -> None:
        times_made = self._shared.times_made
        if times_made == self._times_made:
            return
        end, here = self._shared.published(), self.state.sequence
        if end.sequence < here or not self._reader.is_in_place():
            raise LogRewound(f"the log was cut below event {here}, up to which this process had read it")
        self._times_made = times_made

    def _fold_to(self, end: Position) -> None:
        for line, place in self._reader.read_to(end):
            try:
                event, written_as = decode_next(line, self.state.sequence)
            except NotALine as error:
                # Nobody may go on behind it, as if what it says had not happened.
                self._reader.skip_to(self._reader.before((line, place)))
                raise self._reader.damaged(str(error)) from error
            if written_as > FORMAT and self.newer_format is None:
                self.newer_format = event.sequence
            fold(self.state, event, place)


def replay(layout: Layout, begin: Cursor, end: Position, state: State, folded: Callable[[State, int], None]) -> Cursor:
    """Fold the log from ``begin`` up to ``end`` into ``state``, to check it; returns where that ended.

    :param folded: called after each event, with the size of its line in bytes.
    :raises LogDamaged: naming the place; the state stands just before it.
    """
    reader = LogReader(layout, begin)
    try:
        for line, place in reader.read_to(end):
            try:
                event, _ = decode_next(line, state.sequence)
            except NotALine as error:
                raise reader.damaged(str(error), place) from error
            fold(state, event, place)
            folded(state, len(line) + 1)
        return reader.cursor
    finally:
        reader.close()
