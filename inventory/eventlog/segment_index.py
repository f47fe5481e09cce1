"""Which segment holds an event, remembered so that a page of events does not list the folder."""

import os
from bisect import bisect_right

from inventory.eventlog.layout import Layout
from inventory.service.ports.event_history import EventsGone


class SegmentIndex:
    """The segments of the log, or of log and archive together, as they were when they were last listed.

    A folder is listed only for an event behind everything that was known, or for a segment that has been moved or
    deleted: once for all the segments that have come since, not once for each page.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[bool, list[int]] = {}

    def segment_of(self, sequence: int, newest: int, *, archived: bool) -> int:
        """Return the segment that has the event ``sequence``, which is published.

        :param newest: the segment that is written to.
        :raises EventsGone: it is no longer there.
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
        """List the first sequences of the segments that are there, ascending."""
        # The log before the archive: what is moved between the two looks is in both.
        here = self._layout.segments()
        return sorted({*here, *self._layout.archived_segments()}) if archived else here

    def forget(self) -> None:
        """The log was recovered: other segments may stand there."""
        self._known = {}

    def _is_known(self, known: list[int], place: int, archived: bool) -> bool:
        # The last one ends where the next one begins, which is not known. Before the first one there is nothing for as
        # long as it is there: segments leave from the front.
        return bool(known) and place < len(known) - 1 and self._is_there(known[max(place, 0)], archived)

    def _is_there(self, segment: int, archived: bool) -> bool:
        return self._layout.has_segment(segment) or (archived and os.path.exists(self._layout.archived(segment)))
