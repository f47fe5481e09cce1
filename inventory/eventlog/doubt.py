"""Events in doubt after a failed sync: published, and possibly lost in a power cut.

Nothing is added to the log then until a server starts, so it is read once: what those events have touched, and what is
as it was after the latest durable one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from inventory.domain.errors import NeedsOperator
from inventory.domain.events import Event
from inventory.domain.values import ItemId
from inventory.eventlog.durability import Durability, sync_failed
from inventory.eventlog.shared_state import SharedState


class Doubt(NamedTuple):
    """What the events in doubt have touched.

    :ivar durable: the latest event that is not in doubt.
    :ivar items: the records → the sequence of their latest durable event; 0 where there is none, or none is known.
    :ivar grown: the stores in which there is a new record.
    :ivar reservations: their ids, of those too that are made by these events.
    """

    durable: int
    items: Mapping[ItemId, int]
    grown: frozenset[str]
    reservations: frozenset[str]


class Doubts:
    """Tells of one process's log what is in doubt."""

    def __init__(
        self, shared: SharedState, durability: Durability, read: Callable[[int, int], Sequence[Event]]
    ) -> None:
        """:param read: returns up to so many published events from a sequence on, durable or not; at least one."""
        self._shared = shared
        self._durability = durability
        self._read = read
        self._known: tuple[tuple[int, int, int], Doubt] | None = None

    def about(self, sequence: int) -> Doubt | None:
        """Wait until everything up to ``sequence`` is durable; where a sync has failed, return what is in doubt.

        :raises StorageUnavailable: neither is known.
        """
        try:
            self._durability.ensure(sequence)
        except NeedsOperator:
            return self.now()
        return None

    def now(self) -> Doubt:
        """Return what is in doubt, for a log of which a sync has failed. :raises StorageUnavailable: see ``read``."""
        place = (self._shared.times_made, self._shared.durable, self._shared.published().sequence)
        known = self._known
        if known is None or known[0] != place:
            _, durable, end = place
            known = self._known = (place, _doubt(durable, self._events(durable, end)))
        return known[1]

    def _events(self, durable: int, end: int) -> list[Event]:
        found: list[Event] = []
        while durable + len(found) < end:
            first = durable + len(found) + 1
            found += self._read(first, end - first + 1)
        return found


def refuse_if(in_doubt: bool) -> None:
    """:raises NeedsOperator: what was asked for is in doubt."""
    if in_doubt:
        raise sync_failed()


def _doubt(durable: int, events: Sequence[Event]) -> Doubt:
    items: dict[ItemId, int] = {}
    grown, reservations = set[str](), set[str]()
    for event in events:
        for line in event.lines:
            items.setdefault(line.item, line.previous)
            if line.version == 1:
                grown.add(line.item.store)
        held = event.reservation or event.step
        if held is not None:
            reservations.add(held.reservation_id)
    return Doubt(durable, items, frozenset(grown), frozenset(reservations))
