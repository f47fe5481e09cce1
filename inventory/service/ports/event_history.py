"""The port: what has happened, event by event. Implemented in memory and on files."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inventory.domain.errors import FieldProblem, InventoryError, Refusal, ValidationFailed
from inventory.domain.events import Event, Line
from inventory.domain.record import Record
from inventory.domain.values import Instant, ItemId


class EventsGone(Refusal):
    """Events were asked for that are no longer where they were looked for."""

    def __init__(self, earliest: int) -> None:
        super().__init__(f"events before event {earliest} can no longer be read")
        self.earliest = earliest


class HistoryGone(Refusal):
    """What an answer is made of was deleted from the archive. Nothing has changed, and nothing will under this key.

    :ivar reservation_id: the reservation whose lines are gone; ``None`` where the event of a key is.
    """

    def __init__(self, message: str, reservation_id: str | None = None) -> None:
        super().__init__(message)
        self.reservation_id = reservation_id


class FeedGone(EventsGone):
    """The feed cannot go on there without a gap: whoever follows it starts over."""

    def __init__(self, earliest: int) -> None:
        super().__init__(earliest)
        self.args = (
            f"what was before event {earliest} is no longer in the log: read the stores and their records anew, and"
            " go on after the asOfSequence that the first page of the stores has",
        )


class FeedAhead(ValidationFailed):
    """The feed is to go on after an event that has not happened: a mistake, or its log was put back to a backup."""

    def __init__(self, field: str, latest: int) -> None:
        told = f"does not exist yet; the latest event is {latest}; if a backup was restored, start over"
        super().__init__((FieldProblem(field, told),))


class EventPage(NamedTuple):
    """Events in order, and the latest one that there was. ``withheld``: see ``EventHistory``."""

    events: Sequence[Event]
    as_of_sequence: int
    withheld: bool = False


class Step(NamedTuple):
    """One event in the history of one record, and what it did to it."""

    event: Event
    line: Line


class HistoryPage(NamedTuple):
    """Steps, the latest first. ``next_before``: the sequence of the next one; ``None`` where there is none."""

    steps: Sequence[Step]
    next_before: int | None
    as_of_sequence: int
    withheld: bool = False


class EventHistory(Protocol):
    """The port: events by their sequence."""

    def latest(self) -> int:
        """The sequence of the latest event; it is durable. Once a sync has failed, that of the latest durable one."""

    def latest_by(self, instant: Instant) -> int:
        """The sequence of the latest durable event that happened at this instant or before; 0 where none is known.

        :raises StorageUnavailable: it cannot be read.
        """

    def wait_beyond(self, sequence: int, seconds: float) -> bool:
        """Wait until there is a durable event after ``sequence``, for so long at most; returns whether there is one."""

    def withheld(self) -> InventoryError | None:
        """Why later events than the latest one are not told, though there are some; ``None`` where there are none."""

    def before_doubt(self, item: ItemId) -> Record | None:
        """A record as its latest durable event left it, where a later one is withheld; ``None`` where none is."""

    def earliest(self, *, archived: bool) -> int:
        """The sequence of the first event that is there, with or without the archive."""

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """Up to ``limit`` durable events from the sequence ``first`` on, without gaps; none behind the latest.

        At least one where there is one; fewer than there are where they are very long.

        :raises EventsGone: ``first`` is no longer there.
        :raises StorageUnavailable: they cannot be read.
        """

    def of_record(self, item: ItemId, before: int, limit: int) -> Sequence[Step]:
        """Up to ``limit`` steps of a record, the latest first, from its event ``before`` on, which is the first step.

        None where that is no event of the record. At least one where it is; fewer than there are where the next one
        costs much more to read, is gone, or is not known: then ``before`` is the ``previous`` of the last one's line.

        :raises EventsGone: the first step is no longer there.
        :raises StorageUnavailable: they cannot be read.
        """
