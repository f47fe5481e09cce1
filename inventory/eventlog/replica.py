"""The replica: the fold of the log in one process, which follows the commits of all processes."""

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
    """Pause the garbage collector for the ``with`` block, and exempt the objects that exist at its end for good.

    It would visit every record repeatedly, for half a second each time with 1,000,000 of them. Memory that it never
    visits stays shared between processes after a fork.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


class Replica:
    """The state up to some committed event. Any thread may bring it up to date; none waits for a writer.

    :ivar newer_format: the sequence of the first line that a newer program wrote, or ``None``.
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
        """The position of the fold."""
        return self._reader.cursor

    def adopt(self) -> None:
        """Fold everything that is committed.

        :raises LogDamaged: a line is damaged; the state is that just before it.
        :raises LogRewound: the log was cut below what is folded; this state is invalid.
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
        """Take over a state that was folded before, and continue from there. Call it before anything is folded.

        :returns: whether the log is still the one that it was folded from; if not, nothing was taken over.
        :raises LogDamaged: the file is missing. :raises OSError: it cannot be read.
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
        """Commit and fold events that were just written after the cursor. The caller holds the append lock.

        :param offsets: where the line of each event begins in the segment of ``end``.
        """
        with self._mutex:
            self._shared.publish(end.position)
            for event, offset in zip(events, offsets, strict=True):
                fold(self.state, event, place_of(end.position.segment, offset))
            self._reader.skip_to(end)
            # Only now: a reader that sees a new commit waits for the fold; otherwise it could return the past
            # after another process has returned what was just committed.
            self._seen = self._shared.generation
            self._current_at = time.monotonic()

    def event_at(self, place: int) -> Event:
        """Return a folded event.

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
        """Hold the lock that guards the fold, for a listing or a copy: nothing is folded in the ``with`` block.

        :raises LogRewound: see ``adopt``.
        """
        with self._mutex:
            self._check_not_rewound()
            yield self.state

    def lag_ms(self) -> int:
        """How long ago the state was last known to include everything committed."""
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
                # The fold must not continue after this line, as if its event had not happened.
                self._reader.skip_to(self._reader.before((line, place)))
                raise self._reader.damaged(str(error)) from error
            if written_as > FORMAT and self.newer_format is None:
                self.newer_format = event.sequence
            fold(self.state, event, place)


def replay(layout: Layout, begin: Cursor, end: Position, state: State, folded: Callable[[State, int], None]) -> Cursor:
    """Fold the log from ``begin`` up to ``end`` into ``state``, to check it; return where that ended.

    :param folded: called after each event, with the size of its line in bytes.
    :raises LogDamaged: names the place; the state is that just before it.
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
