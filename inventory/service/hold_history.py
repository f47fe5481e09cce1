"""Reservations as of an event, rebuilt if the log has only a step."""

import time
from collections.abc import Callable, Sequence

from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Event, HoldStep, stepped
from inventory.domain.reservation import EndedHold, Hold, Reservation
from inventory.service.ports.event_history import EventHistory, EventsGone, HistoryGone

LINES_AT_ONCE = 50_000
"""Lines of the reservations on one page: more never fit into 4 MiB of JSON."""
LONGEST_SECONDS = 5.0
"""Of rebuilding for one page, which may decompress archive segments, each in half a second."""


class HoldHistory:
    """Reads the log and its archive; a hold of n lines needs at most n reads, or 17 if that is more."""

    def __init__(self, events: EventHistory, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._monotonic = monotonic

    def whole(self, hold: Hold) -> Reservation:
        """The reservation with its lines: for an ended one, the event that ended it has them.

        :raises HistoryGone: that event was deleted. :raises StorageUnavailable: it cannot be read.
        """
        if isinstance(hold, Reservation):
            return hold
        return self._reservation(self._event(hold.sequence, hold.reservation_id), hold)

    def all_whole(self, holds: Sequence[Hold]) -> list[tuple[Hold, Hold | None]]:
        """Each with its lines, or unchanged if those were deleted; ``None`` if reading them would take too long.

        The first one is always read.

        :raises StorageUnavailable: they cannot be read.
        """
        until = self._monotonic() + LONGEST_SECONDS
        found: dict[str, Hold | None] = {}
        # In the order of the log, so that each part of the archive is decompressed once.
        for hold in (*holds[:1], *sorted(holds[1:], key=lambda one: one.sequence)):
            too_long = bool(found) and self._monotonic() >= until
            found[hold.reservation_id] = None if too_long else self._whole_if_there(hold)
        return [(hold, found[hold.reservation_id]) for hold in holds]

    def _whole_if_there(self, hold: Hold) -> Hold:
        try:
            return self.whole(hold)
        except HistoryGone:
            return hold

    def after(self, event: Event, known: Reservation | None = None) -> Reservation:
        """The reservation of ``event`` after the event.

        :param known: the reservation after another event: if its lines are those before a step, nothing else is read.
        :raises: as ``whole``.
        """
        held, steps, at = event.reservation, list[tuple[Event, HoldStep]](), event
        while held is None:
            step = at.step
            if step is None or (steps and step.lines_at >= at.sequence):
                raise _does_not_add_up(steps[0][1].reservation_id if steps else "?", at.sequence)
            steps.append((at, step))
            if known is not None and known.lines_at == step.lines_at:
                held = known
            else:
                at = self._event(step.lines_at, step.reservation_id)
                held = at.reservation
        for at, step in reversed(steps):
            held = stepped(held, at, step)
        return held

    def completed(self, events: Sequence[Event]) -> list[Event]:
        """Events in order, each with the complete reservation; the last ones are left out if they would take too long.

        An event whose reservation cannot be rebuilt, because earlier events were deleted, stays as it is in the log.

        :raises StorageUnavailable: they cannot be read.
        """
        until = self._monotonic() + LONGEST_SECONDS
        known: dict[str, Reservation | None] = {}
        found: list[Event] = []
        lines = 0
        for event in events:
            held = event.reservation
            if held is None and event.step is not None:
                held = self._after(event, event.step.reservation_id, known)
            if held is not None:
                known[held.reservation_id] = held
                lines += len(held.lines)
            if found and (lines > LINES_AT_ONCE or self._monotonic() >= until):
                break
            found.append(event if held is None else event._replace(reservation=held))
        return found

    def _after(self, event: Event, reservation_id: str, known: dict[str, Reservation | None]) -> Reservation | None:
        before = known.get(reservation_id)
        if before is None and reservation_id in known:
            return None
        try:
            return self.after(event, before)
        except HistoryGone:
            known[reservation_id] = None
            return None

    def _event(self, sequence: int, reservation_id: str) -> Event:
        try:
            found = self._events.events(sequence, 1, archived=True)
        except EventsGone as error:
            raise HistoryGone(
                f"event {sequence} of reservation {reservation_id} was deleted from the archive",
                reservation_id,
            ) from error
        if not found:
            raise _does_not_add_up(reservation_id, sequence)
        return found[0]

    def _reservation(self, event: Event, hold: EndedHold) -> Reservation:
        if event.reservation is None or event.reservation.reservation_id != hold.reservation_id:
            raise _does_not_add_up(hold.reservation_id, event.sequence)
        return event.reservation


def _does_not_add_up(reservation_id: str, sequence: int) -> StorageUnavailable:
    return StorageUnavailable(f"event {sequence} has no reservation {reservation_id}", outcome="none")
