"""The port: the events of the log. Implemented in memory and on files."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from inventory.domain.errors import FieldProblem, InventoryError, Refusal, ValidationFailed
from inventory.domain.events import Event, Line
from inventory.domain.record import Record
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant, ItemId


class EventsGone(Refusal):
    """The requested events are no longer in the log, or in the archive."""

    def __init__(self, earliest: int) -> None:
        super().__init__(f"events before event {earliest} can no longer be read")
        self.earliest = earliest


class HistoryGone(Refusal):
    """An event that an answer needs was deleted from the archive. Nothing has changed, nor will under this key.

    :ivar reservation_id: the reservation whose lines are gone; ``None`` if it is the event of a key.
    """

    def __init__(self, message: str, reservation_id: str | None = None) -> None:
        super().__init__(message)
        self.reservation_id = reservation_id


class FeedGone(EventsGone):
    """The feed cannot continue there without a gap: its follower must start over."""

    def __init__(self, earliest: int) -> None:
        super().__init__(earliest)
        self.args = (
            f"the log no longer has the events before event {earliest}: read the stores and their records again, and"
            " continue after the asOfSequence of the first page of the stores",
        )


class FeedAhead(ValidationFailed):
    """The feed should continue after an event that does not exist: a mistake, or the log was restored from a backup."""

    def __init__(self, field: str, latest: int) -> None:
        told = f"does not exist yet; the latest event is {latest}; if a backup was restored, start over"
        super().__init__((FieldProblem(field, told),))


class EventPage(NamedTuple):
    """Events in order, the sequence of the latest one, and the ids of the log. ``withheld``: see ``EventHistory``."""

    events: Sequence[Event]
    as_of_sequence: int
    ids: LedgerIds
    withheld: bool = False


class Step(NamedTuple):
    """One event in the history of one record, and its line of that record."""

    event: Event
    line: Line


class HistoryPage(NamedTuple):
    """Steps, the latest first. ``next_before``: the sequence of the next one; ``None`` if there is none."""

    steps: Sequence[Step]
    next_before: int | None
    as_of_sequence: int
    withheld: bool = False


class EventHistory(Protocol):
    """The port: events by their sequence."""

    def latest(self) -> int:
        """The sequence of the latest event, which is durable. After a failed flush, that of the latest durable one."""

    def ids(self) -> LedgerIds:
        """Which ledger and which timeline the durable events belong to. Never waits for new events.

        :raises StorageUnavailable: the log cannot be read.
        """

    def latest_by(self, instant: Instant) -> int:
        """The sequence of the latest durable event at this instant or before; 0 if none is known.

        :raises StorageUnavailable: it cannot be read.
        """

    def wait_beyond(self, sequence: int, seconds: float) -> bool:
        """Wait for a durable event after ``sequence``, at most ``seconds``; return whether there is one."""

    def withheld(self) -> InventoryError | None:
        """Why later events are withheld; ``None`` if there are none."""

    def before_doubt(self, item: ItemId) -> Record | None:
        """A record as of its latest durable event, if a later one is withheld; otherwise ``None``."""

    def earliest(self, *, archived: bool) -> int:
        """The sequence of the first event that exists, with or without the archive."""

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        """Up to ``limit`` durable events from the sequence ``first`` on, without gaps; none after the latest.

        At least one, if there is one; fewer than exist, if they are very long.

        :raises EventsGone: ``first`` no longer exists.
        :raises StorageUnavailable: they cannot be read.
        """

    def of_record(self, item: ItemId, before: int, limit: int) -> Sequence[Step]:
        """Up to ``limit`` steps of a record, the latest first, from its event ``before``, which is the first step.

        None, if that is not an event of the record. Otherwise at least one; fewer than exist, if the next one is much
        more expensive to read, is gone, or is unknown: then the next ``before`` is ``previous`` of the last line.

        :raises EventsGone: the first step no longer exists.
        :raises StorageUnavailable: they cannot be read.
        """
