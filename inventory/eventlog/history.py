"""Events by their sequence, from the log and its archive. Lines are found by counting from offsets kept in memory."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from inventory.domain.errors import NeedsOperator
from inventory.domain.events import Event, record_after
from inventory.domain.record import Record
from inventory.domain.state import LedgerIds
from inventory.domain.values import ItemId
from inventory.eventlog.durability import Doubts, sync_failed
from inventory.eventlog.errors import LogDamaged, LogError, unreadable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.log_parts import LogParts
from inventory.eventlog.shared_header import Position
from inventory.service.ports.event_history import EventsGone
from inventory.service.sequential_history import SequentialHistory


class SegmentIndex:
    """The segments of the log, or of log and archive together, as they were last listed.

    A folder is listed only for an event after all known segments, or for a segment that was moved or deleted: once for
    all new segments, not once for each page.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[bool, list[int]] = {}

    def segment_of(self, sequence: int, newest: int, *, archived: bool) -> int:
        """Return the segment that has the committed event ``sequence``.

        :param newest: the segment that is being written.
        :raises EventsGone: the event no longer exists.
        """
        if sequence >= newest:
            return newest
        known = self._known.get(archived, [])
        place = bisect_right(known, sequence) - 1
        if not self._is_known(known, place, archived):
            known = self._known[archived] = self.segments(archived=archived)
            place = bisect_right(known, sequence) - 1
        if place < 0:
            raise EventsGone(known[0] if known else newest)
        return known[place]

    def segments(self, *, archived: bool) -> list[int]:
        """List the first sequences of the segments that exist, ascending."""
        # The log before the archive: a segment that is moved between the two listings is in both.
        here = self._layout.segments()
        return sorted({*here, *self._layout.archived_segments()}) if archived else here

    def forget(self) -> None:
        """Forget all segments: the log was recovered, and may have others."""
        self._known = {}

    def _is_known(self, known: list[int], place: int, archived: bool) -> bool:
        # The last one ends where the next one begins, which is unknown. Before the first one there is nothing as long
        # as that one exists: segments leave from the front.
        return bool(known) and place < len(known) - 1 and self._is_there(known[max(place, 0)], archived)

    def _is_there(self, segment: int, archived: bool) -> bool:
        return self._layout.has_segment(segment) or (archived and os.path.exists(self._layout.archived(segment)))


_CHUNK = 1 << 15
BETWEEN_MARKS = 64
"""Lines between two offsets. A step back in a history reads half of them on average; an offset takes 40 bytes."""
MARKED_SEGMENTS = 512
"""Of more segments than these, the offsets of those read first are dropped: at most 45 MB of offsets."""
AT_MOST_BYTES = 1 << 22
"""Bytes of lines that are read at once: a page may have 1,000 events, and each may have changed 1,000 records."""


class FileHistory(SequentialHistory):
    """Implements ``EventHistory``. Reads committed lines; the chain was checked when they were folded."""

    def __init__(self, parts: LogParts) -> None:
        self._layout, self._files = parts.layout, parts.files
        self._shared, self._durability, self._replica = parts.shared, parts.durability, parts.replica
        self._times_made = parts.shared.times_made
        self._marks: dict[int, tuple[int, ...]] = {}
        self._guard = Lock()
        self._index = SegmentIndex(parts.layout)
        self.doubts = Doubts(parts.shared, parts.durability, self._published)

    def latest(self) -> int:
        """See ``EventHistory.latest``."""
        with _told_as_unreadable():
            sequence = self._shared.published().sequence
        try:
            self._durability.ensure(sequence)
        except NeedsOperator:
            return self._shared.durable
        return sequence

    def ids(self) -> LedgerIds:
        """See ``EventHistory.ids``. They cannot change while a process uses the log, except with the first event."""
        if not self.latest():
            return LedgerIds()
        if not self._replica.state.sequence:
            with _told_as_unreadable():
                self._replica.adopt()
        return self._replica.state.ids

    def withheld(self) -> NeedsOperator | None:
        """See ``EventHistory.withheld``."""
        with _told_as_unreadable():
            is_behind = self._shared.durable < self._shared.published().sequence
        return sync_failed() if self._shared.failed and is_behind else None

    def before_doubt(self, item: ItemId) -> Record | None:
        """See ``EventHistory.before_doubt``."""
        sequence = self.doubts.now().items.get(item, 0)
        for event in self.events(sequence, 1, archived=True) if sequence else ():
            for line in event.lines:
                if line.item == item:
                    return record_after(line, event.sequence, event.at)
        return None

    def earliest(self, *, archived: bool) -> int:
        """See ``EventHistory.earliest``."""
        with _told_as_unreadable():
            segments = self._index.segments(archived=archived)
            return segments[0] if segments else self._shared.published().sequence + 1

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """See ``EventHistory.events``."""
        with _told_as_unreadable():
            while True:
                times_made = self._shared.times_made
                if times_made != self._times_made:
                    # A recovery may have cut off lines, and others may have replaced them.
                    self._marks, self._times_made = {}, times_made
                    self._index.forget()
                found = self._found(first, limit, archived=archived)
                if found:
                    self._durability.ensure(found[-1].sequence)
                if self._shared.times_made == times_made:
                    return found

    def first_beside(self, sequence: int) -> int:
        """See ``SequentialHistory.first_beside``: that of its segment, which may have to be decompressed."""
        with _told_as_unreadable():
            return self._index.segment_of(sequence, self._shared.published().segment, archived=True)

    def _published(self, first: int, limit: int) -> Sequence[Event]:
        with _told_as_unreadable():
            return self._found(first, limit, archived=True)

    def _found(self, first: int, limit: int, *, archived: bool) -> list[Event]:
        found, size = list[Event](), 0
        end, marks = self._shared.published(), self._marks
        last = min(first + limit - 1, end.sequence)
        while first <= last and size < AT_MOST_BYTES:
            segment = self._index.segment_of(first, end.segment, archived=archived)
            lines = self._read(segment, first, last - first + 1, end, marks)
            if not lines and not self._layout.has_segment(segment):
                self._require_no_gap(first)
            found += self._decoded(lines, segment, first)
            first, size = first + len(lines), size + sum(map(len, lines))
        return found

    def _require_no_gap(self, sequence: int) -> None:
        """:raises EventsGone: the segment of the event was deleted from the archive, but later ones were not."""
        following = [first for first in self._index.segments(archived=True) if first > sequence]
        if following:
            raise EventsGone(following[0])

    def _read(
        self, segment: int, first: int, many: int, end: Position, marks: dict[int, tuple[int, ...]]
    ) -> list[bytes]:
        """Up to ``many`` lines from the event ``first`` on, within the segment."""
        known = marks.get(segment, (0,))
        nearest = min((first - segment) // BETWEEN_MARKS, len(known) - 1)
        at, further, found, size = segment + nearest * BETWEEN_MARKS, list[int](), list[bytes](), 0
        with self._descriptor(segment) as descriptor:
            ends = end.offset if segment == end.segment else os.fstat(descriptor).st_size
            for line, following in self._lines(descriptor, segment, known[nearest], ends):
                if at >= first:
                    found.append(line)
                    size += len(line)
                at += 1
                if at == segment + (len(known) + len(further)) * BETWEEN_MARKS:
                    further.append(following)
                if len(found) == many or size >= AT_MOST_BYTES:
                    break
        # The first reader makes the offsets; of two concurrent ones, one does it in vain.
        if len(known) + len(further) > len(marks.get(segment, ())):
            with self._guard:
                if segment not in marks and len(marks) >= MARKED_SEGMENTS:
                    del marks[next(iter(marks))]
                marks[segment] = (*known, *further)
        return found

    def _decoded(self, lines: list[bytes], segment: int, first: int) -> list[Event]:
        events = [decode(line).event for line in lines]
        if not events:
            raise LogDamaged(
                self._layout.segment(segment), first - segment + 1, 0, f"it does not contain event {first}"
            )
        for number, event in enumerate(events, first):
            if event.sequence != number:
                reason = f"found event {event.sequence} in place of event {number}"
                raise LogDamaged(self._layout.segment(segment), number - segment + 1, 0, reason)
        return events

    def _lines(self, descriptor: int, segment: int, offset: int, end: int) -> Iterator[tuple[bytes, int]]:
        """Yield each line from ``offset`` on, and where the next one begins."""
        size = _CHUNK
        while offset < end:
            data = os.pread(descriptor, min(size, end - offset), offset)
            whole = data.rfind(b"\n") + 1
            if not whole:
                if len(data) < size:
                    raise LogDamaged(self._layout.segment(segment), 1, offset, "incomplete line")
                size *= 2
            for line in data[:whole].split(b"\n")[:-1]:
                offset += len(line) + 1
                yield line, offset

    @contextmanager
    def _descriptor(self, segment: int) -> Iterator[int]:
        descriptor = self._files.open(segment)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _told_as_unreadable() -> Iterator[None]:
    try:
        yield
    except (LogError, OSError, NotALine) as error:
        raise unreadable(error) from error
