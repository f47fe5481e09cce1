"""Reads a log once to its end, when a server starts: checks it, and folds it for the processes to come."""

import os
from collections.abc import Callable
from contextlib import closing

from inventory.domain.state import fold
from inventory.domain.values import Instant
from inventory.eventlog.chain_check import ChainCheck
from inventory.eventlog.errors import EventsMissing
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import FORMAT, NotALine, decode, decode_next
from inventory.eventlog.log_reader import Cursor, LogReader, RawLine
from inventory.eventlog.shared_header import Position
from inventory.eventlog.snapshot import Restored

Progress = Callable[[int, int], None]
_TELL_EVERY = 1024
BESIDE_FROM_BYTES = 1 << 26
"""From this size on, a child process checks the chain: it takes a tenth of a second to start."""


class LogCheck:
    """Reads the log once, from the newest snapshot on; can be interrupted and continued.

    If there is much to read and another core, a child process checks the chain meanwhile. If it does not confirm the
    chain, for whatever reason, the log is read again from the beginning, and the chain is checked here.
    """

    def __init__(self, layout: Layout, base: Callable[[], Restored], progress: Progress) -> None:
        """:param base: reads the snapshot, if there is one; its state then belongs to this object."""
        self._layout, self._base, self._progress = layout, base, progress
        self._begin()

    def _begin(self) -> None:
        self._state, cursor, self._newer_format = self._base()
        self._at = self._state.last_at
        self._reader = LogReader(self._layout, cursor)
        self._stopped_at: Cursor | None = None
        self._last: RawLine | None = None

    @property
    def end(self) -> Position:
        """Where the valid lines end."""
        return self._reader.cursor.position

    def folded(self) -> Restored:
        """The fold of the lines, up to the first that is not an event, which the user of the log reports."""
        return Restored(self._state, self._stopped_at or self._reader.cursor, self._newer_format)

    def read_to(self, end: Position) -> None:
        """Check every line up to ``end``. :raises LogDamaged: ``end`` is then before the bad one."""
        if self._bytes_to(end) < BESIDE_FROM_BYTES or len(os.sched_getaffinity(0)) == 1:
            self._read_to(end)
        elif not self._is_read_beside_a_check_to(end):
            self._reader.close()
            self._begin()
            self._read_to(end)

    def _is_read_beside_a_check_to(self, end: Position) -> bool:
        try:
            check = ChainCheck(self._layout, self._reader.cursor, end)
        except OSError:
            return False
        with closing(check):
            try:
                with self._reader.unchecked():
                    self._read_to(end)
            except Exception:  # noqa: BLE001 - unchecked lines may cause any error; the second reading reports it
                return False
            return check.confirms(self._reader.cursor)

    def _read_to(self, end: Position) -> None:
        done, everything = 0, self._bytes_to(end)
        for number, line in enumerate(self._reader.read_to(end)):
            self._last = line
            if self._stopped_at is None:
                self._fold(line)
            done += len(line[0]) + 1
            if not number % _TELL_EVERY:
                self._progress(done, everything)
        self._progress(done, everything)

    def _bytes_to(self, end: Position) -> int:
        begin = self.end
        passed = [first for first in self._layout.segments() if begin.segment <= first < end.segment]
        return sum(self._layout.segment(first).stat().st_size for first in passed) + end.offset - begin.offset

    def last_instant(self) -> Instant:
        """The instant of the last valid event: the clock must not begin before it.

        :raises LogDamaged: the line is not an event.
        """
        if self._last is None:
            return self._at
        line, place = self._last
        try:
            return decode(line).event.at
        except NotALine as error:
            raise self._reader.damaged(str(error), place) from error

    def require_in_place(self) -> None:
        """:raises LogDamaged: the log is not the one that the snapshot was made from.

        :raises EventsMissing: it is shorter.
        """
        end = self.end
        try:
            in_place = self._reader.is_in_place()
        except EventsMissing as error:
            raise error.up_to(end.sequence) from error
        if in_place:
            return
        path = self._layout.segment(end.segment)
        there = path.read_bytes()
        if len(there) >= end.offset:
            raise self._reader.damaged(f"the snapshot of event {end.sequence} was not made from this log")
        lines = there.count(b"\n")
        reason = f"there is a snapshot of event {end.sequence}, but the file is shorter"
        raise EventsMissing(path, lines + 1, len(there), reason, end.segment + lines, end.sequence)

    def missing(self, last: int, reason: str) -> EventsMissing:
        """Make the error that says which events are missing after the last valid line."""
        place = self._reader.damaged(reason)
        return EventsMissing(place.path, place.line, place.byte, reason, self.end.sequence + 1, last)

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
