"""Reading a log once to its end: what a start rests on is checked, and folded for the processes to come."""

from collections.abc import Callable

from inventory.domain.state import fold
from inventory.domain.values import Instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import FORMAT, NotALine, decode, decode_next
from inventory.eventlog.reader import Cursor, LogReader, RawLine
from inventory.eventlog.restore import Restored
from inventory.eventlog.shared_state import Position

Progress = Callable[[int, int], None]
_TELL_EVERY = 1024
RESTORED = (
    "If a backup was restored on purpose, delete what is derived (locks/state, snapshots, the two published"
    " .json files) and start again"
)


class LogCheck:
    """Reads the log once, from the cursor of ``base`` on, whose state becomes its own; may be stopped and go on."""

    def __init__(self, layout: Layout, base: Restored, progress: Progress) -> None:
        self._layout = layout
        self._state, cursor, self._newer_format = base
        self._at = self._state.last_at
        self._reader = LogReader(layout, cursor)
        self._stopped_at: Cursor | None = None
        self._progress = progress
        self._done = 0
        self._last: RawLine | None = None

    @property
    def end(self) -> Position:
        """Where the good lines end."""
        return self._reader.cursor.position

    def folded(self) -> Restored:
        """What the lines say, up to the first that holds no event: that one is for whoever uses the log to report."""
        return Restored(self._state, self._stopped_at or self._reader.cursor, self._newer_format)

    def read_to(self, end: Position) -> None:
        """Check every line up to ``end``. :raises LogDamaged: ``end`` is then before the bad one."""
        begin = self.end.segment
        sealed = [self._layout.segment(first) for first in self._layout.segments() if begin <= first < end.segment]
        everything = sum(path.stat().st_size for path in sealed) + end.offset
        for number, line in enumerate(self._reader.read_to(end)):
            self._last = line
            if self._stopped_at is None:
                self._fold(line)
            self._done += len(line[0]) + 1
            if not number % _TELL_EVERY:
                self._progress(self._done, everything)
        self._progress(self._done, everything)

    def last_instant(self) -> Instant:
        """When the last good event happened: the clock must not begin below it.

        :raises LogDamaged: the line holds no event.
        """
        if self._last is None:
            return self._at
        line, place = self._last
        try:
            return decode(line).event.at
        except NotALine as error:
            raise self._reader.damaged(str(error), place) from error

    def require_in_place(self) -> None:
        """:raises LogDamaged: the log is not the one that the snapshot was made from, or is shorter."""
        if not self._reader.is_in_place():
            raise self._reader.damaged(f"a snapshot goes up to event {self.end.sequence}, the log does not. {RESTORED}")

    def damaged(self, reason: str) -> LogDamaged:
        """Make the error that names the place behind the last good line."""
        return self._reader.damaged(reason)

    def close(self) -> None:
        """Close the log."""
        self._reader.close()

    def _fold(self, raw: RawLine) -> None:
        line, place = raw
        try:
            event, written_as = decode_next(line, self._state.sequence)
        except NotALine:
            self._stopped_at = self._reader.before(raw)
            return
        if written_as > FORMAT and self._newer_format is None:
            self._newer_format = event.sequence
        fold(self._state, event, place)
