"""Reading a log once to its end, to check what a start rests on."""

from collections.abc import Callable

from inventory.domain.values import Instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.reader import START, LogReader, RawLine
from inventory.eventlog.restore import Start
from inventory.eventlog.shared_state import Position

Progress = Callable[[int, int], None]
RESTORED = (
    "If a backup was restored on purpose, delete what is derived (locks/state, snapshots, the two published"
    " .json files) and start again"
)


class LogCheck:
    """Reads the log once, from ``start`` or its beginning; may be stopped and go on."""

    def __init__(self, layout: Layout, start: Start | None, durable: int, progress: Progress) -> None:
        self._layout = layout
        self._reader = LogReader(layout, start.cursor if start else START)
        self._at = start.at if start else Instant(0)
        self._durable = durable
        self._durable_end = self._reader.cursor.position
        self._progress = progress
        self._done = 0
        self._last: RawLine | None = None

    @property
    def end(self) -> Position:
        """Where the good lines end."""
        return self._reader.cursor.position

    def read_to(self, end: Position) -> None:
        """Check every line up to ``end``. :raises LogDamaged: ``end`` is then before the bad one."""
        begin = self.end.segment
        sealed = [self._layout.segment(first) for first in self._layout.segments() if begin <= first < end.segment]
        everything = sum(path.stat().st_size for path in sealed) + end.offset
        for line in self._reader.read_to(end):
            self._last = line
            self._done += len(line[0]) + 1
            self._progress(self._done, everything)
            if self._durable_end.sequence < self._durable:
                self._durable_end = self.end

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

    def durable_end(self, segment: int) -> int:
        """From which byte of the segment on nothing is known to be durable."""
        return self._durable_end.offset if self._durable_end.segment == segment else 0

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
