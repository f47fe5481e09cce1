"""Events by their sequence, read again. Their chains were checked when they were folded, and are not here."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

from inventory.domain.events import Event
from inventory.eventlog.archive import open_segment
from inventory.eventlog.errors import LogDamaged, LogError, unreadable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.shared_state import SharedState


class EventLookup:
    """Implements ``EventSource`` on the segments and the archive; reads nothing that is not published."""

    def __init__(self, layout: Layout, shared: SharedState) -> None:
        self._layout = layout
        self._shared = shared
        # Where a line begins: its sequence, its segment, the offset. Whoever asks for later ones reads on from there.
        self._known = (1, 1, 0)

    def events_after(self, sequence: int, limit: int) -> Sequence[Event]:
        """See ``EventSource.events_after``."""
        try:
            return list(islice(self._events_from(sequence + 1), limit))
        except (LogError, NotALine, OSError) as error:
            raise unreadable(error) from error

    def _events_from(self, wanted: int) -> Iterator[Event]:
        for sequence, line in self._lines(wanted):
            event = decode(line).event
            if event.sequence != sequence:
                raise NotALine(f"event {event.sequence} stands where event {sequence} should")
            yield event

    def _lines(self, wanted: int) -> Iterator[tuple[int, bytes]]:
        end = self._shared.published()
        if wanted > end.sequence:
            return
        segments = sorted({*self._layout.segments(), *self._layout.archived_segments()})
        first = bisect_right(segments, wanted) - 1
        if first < 0:
            raise LogDamaged(self._layout.segment(1), 1, 0, f"the log does not reach back to event {wanted}")
        sequence, in_segment, offset = self._known
        if in_segment != segments[first] or sequence > wanted:
            sequence, offset = segments[first], 0
        for segment in segments[first:]:
            if offset == 0 and sequence != segment:
                raise LogDamaged(self._layout.segment(sequence), 1, 0, "this part of the log is missing")
            with open(open_segment(self._layout, segment), "rb") as file:
                file.seek(offset)
                while sequence <= end.sequence and (line := file.readline()):
                    if sequence >= wanted:
                        self._known = (sequence, segment, offset)
                        yield sequence, line.removesuffix(b"\n")
                    sequence, offset = sequence + 1, offset + len(line)
            offset = 0
