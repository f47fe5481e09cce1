"""Events by their sequence, from the log and its archive. Lines are found by counting from marks kept in memory."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Lock

from inventory.domain.events import Event
from inventory.eventlog.archive import open_segment
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import LogDamaged, LogError, unreadable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.shared_state import SharedState
from inventory.service.history import EventsGone

_CHUNK = 1 << 17
_BETWEEN_MARKS = 256


class FileHistory:
    """Implements ``EventHistory``. Reads what is published; chains were checked when it was folded."""

    def __init__(self, layout: Layout, shared: SharedState, durability: Durability) -> None:
        self._layout = layout
        self._shared = shared
        self._durability = durability
        self._marks: dict[int, list[int]] = {}
        self._guard = Lock()
        self._unpacked = (0, -1)
        self._known: tuple[int, list[int]] = (0, [])

    def latest(self) -> int:
        """See ``EventHistory.latest``."""
        return self._shared.published().sequence

    def earliest(self, *, archived: bool) -> int:
        """See ``EventHistory.earliest``."""
        segments = self._segments(archived=archived)
        return segments[0] if segments else self.latest() + 1

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """See ``EventHistory.events``."""
        found: list[Event] = []
        try:
            end = self._shared.published()
            last = min(first + limit - 1, end.sequence)
            while first <= last:
                segments = self._segments_up_to(end.segment) if archived else self._layout.segments()
                place = bisect_right(segments, first) - 1
                if place < 0:
                    raise EventsGone(segments[0] if segments else end.sequence + 1)
                segment = segments[place]
                size = end.offset if segment == end.segment else None
                read = self._read(segment, first, last - first + 1, size)
                found += read
                first += len(read)
        except (LogError, OSError, NotALine) as error:
            raise unreadable(error) from error
        if found:
            self._durability.ensure(found[-1].sequence)
        return found

    def close(self) -> None:
        """Give the descriptor back."""
        with self._guard:
            if self._unpacked[1] >= 0:
                os.close(self._unpacked[1])
            self._unpacked = (0, -1)

    def _segments_up_to(self, newest: int) -> list[int]:
        # A walk back through a history asks thousands of times; another file comes with a newer one.
        known, segments = self._known
        if known != newest or not self._is_there(segments[0]):
            segments = self._segments(archived=True)
            self._known = (newest, segments)
        return segments

    def _is_there(self, segment: int) -> bool:
        return self._layout.segment(segment).exists() or self._layout.archived(segment).exists()

    def _segments(self, *, archived: bool) -> list[int]:
        here = self._layout.segments()
        return sorted({*here, *self._layout.archived_segments()}) if archived else here

    def _read(self, segment: int, first: int, many: int, size: int | None) -> list[Event]:
        with self._descriptor(segment) as descriptor:
            end = os.fstat(descriptor).st_size if size is None else size
            begin = self._offset(descriptor, segment, first - segment, end)
            lines = [line for line, _ in islice(self._lines(descriptor, segment, begin, end), many)]
        if not lines:
            raise LogDamaged(self._layout.segment(segment), 1, begin, f"event {first} is not in it")
        events = [decode(line).event for line in lines]
        if events[0].sequence != first:
            raise LogDamaged(
                self._layout.segment(segment), 1, begin, f"event {events[0].sequence} is where {first} was"
            )
        return events

    def _offset(self, descriptor: int, segment: int, index: int, end: int) -> int:
        """Where the line number ``index`` (from 0) begins."""
        marks = self._marks.get(segment, [0])
        nearest = min(index // _BETWEEN_MARKS, len(marks) - 1)
        at, offset, marks = nearest * _BETWEEN_MARKS, marks[nearest], list(marks)
        for _, following in islice(self._lines(descriptor, segment, marks[nearest], end), index - at):
            at, offset = at + 1, following
            if at == len(marks) * _BETWEEN_MARKS:
                marks.append(offset)
        # Made by whoever comes first; of two that come at once, one does it in vain.
        if len(marks) > len(self._marks.get(segment, ())):
            self._marks[segment] = marks
        return offset

    def _lines(self, descriptor: int, segment: int, offset: int, end: int) -> Iterator[tuple[bytes, int]]:
        """Yield each line from ``offset`` on, and where the next one begins."""
        size = _CHUNK
        while offset < end:
            data = os.pread(descriptor, min(size, end - offset), offset)
            whole = data.rfind(b"\n") + 1
            if not whole:
                if len(data) < size:
                    raise LogDamaged(self._layout.segment(segment), 1, offset, "a line does not end")
                size *= 2
            for line in data[:whole].split(b"\n")[:-1]:
                offset += len(line) + 1
                yield line, offset

    @contextmanager
    def _descriptor(self, segment: int) -> Iterator[int]:
        descriptor = self._of_unpacked(segment)
        if descriptor < 0:
            descriptor = open_segment(self._layout, segment)
            if not self._layout.segment(segment).exists():
                self._keep_unpacked(segment, descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _of_unpacked(self, segment: int) -> int:
        with self._guard:
            known, descriptor = self._unpacked
            return os.dup(descriptor) if known == segment else -1

    def _keep_unpacked(self, segment: int, descriptor: int) -> None:
        # Unpacking one takes half a second, and whoever reads in it will read on.
        with self._guard:
            if self._unpacked[1] >= 0:
                os.close(self._unpacked[1])
            self._unpacked = (segment, os.dup(descriptor))
