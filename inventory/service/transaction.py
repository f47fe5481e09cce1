"""A batch of changes, decided one after another on an overlay of the state, before anything is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inventory.domain.dead_letter import SETTLEMENTS, BrokenRecord
from inventory.domain.errors import IdempotencyConflict, NeedsOperator, Unavailable
from inventory.domain.events import Delivery, Draft, Event, KeyUse, line_after, placed, record_after
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import State
from inventory.domain.values import EntityId, Instant, ItemId, ReservationId
from inventory.service.event_ids import uuid7
from inventory.service.ports.change_queue import Decide, Outcome
from inventory.service.quotas import Quotas, Room

SETTLE_IT = "settle its dead letter with 'inventory dead-letters'; see docs/how-to/dead-letters.md"


@dataclass(frozen=True, slots=True)
class Writer:
    """What a process stamps on its events: its node's name and how long a key is remembered.

    :ivar hold_keep_ms: how long a reservation that has ended is remembered.
    :ivar quotas: how much it may make.
    """

    node: str
    key_ttl_ms: int
    hold_keep_ms: int = 86_400_000
    quotas: Quotas = Quotas()


class Batch:
    """Decides changes in order; each sees those before it. ``events`` is what is to be written.

    Dropping the batch undoes it: neither the state nor its keys are touched.
    """

    def __init__(
        self,
        state: State,
        now: Instant,
        writer: Writer,
        *,
        read_event: Callable[[int], Event],
        accept: Callable[[Event], None] = lambda _: None,
        synced: int = 0,
    ) -> None:
        """
        :param read_event: returns the event at a position that the state's keys name.
        :param accept: is shown each event before it is added; what it raises goes to that change's
            caller, and the event is not added.
        """
        self.events: list[Event] = []
        self._state = state
        self._now = now
        self._writer = writer
        self._read_event = read_event
        self._accept = accept
        self._synced = synced
        self._room: Room | None = None
        self._records: dict[ItemId, Record] = {}
        self._reservations: dict[str, Reservation] = {}
        self._by_key: dict[str | Delivery, Event] = {}

    def record(self, item: ItemId) -> Record | None:
        """The record with the changes of this batch so far.

        :raises NeedsOperator: its history is broken: nothing but a settlement may rest on its figures.
        """
        if self._state.broken:
            self._refuse_broken(item)
        return self._current(item)

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        """The record with the break in its history; ``None`` where there is none, or this batch has settled it."""
        # Nothing but a settlement is committed to a broken record.
        return None if item in self._records else self._state.broken_record(item)

    def held_of(self, item: ItemId) -> int:
        """How many units of an item open reservations hold. Of a broken record nothing in this batch changes that."""
        return self._state.held_of(item)

    def reservation(self, reservation_id: str) -> Hold | None:
        """The reservation with the changes of this batch so far."""
        return self._reservations.get(reservation_id) or self._state.reservation(reservation_id)

    def rests_on(self, entities: Sequence[EntityId]) -> int:
        """The latest event that a decision about these entities rests on; 0 for none."""
        found = [self.reservation(one.id) if isinstance(one, ReservationId) else self._current(one) for one in entities]
        return max((entity.sequence for entity in found if entity is not None), default=0)

    def require_unused(self, keys: Iterable[IdempotencyKey | Delivery | None]) -> None:
        """:raises IdempotencyConflict: one of the keys was used for another request."""
        for key in keys:
            if key is not None:
                self.find(key)

    def run(self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None) -> Outcome:
        """Decide one change and add its event, or find the event that its key has already caused.

        :raises Refusal: what ``decide`` raises; ``IdempotencyConflict``; ``QuotaExceeded``.
        :raises NeedsOperator: an entity's history is broken, and this does not settle it.
        :raises ValueError: ``decide`` touched a record that is not among the entities, or one twice.
        """
        if key is not None:
            earlier = self.find(key)
            if earlier is not None:
                return Outcome(earlier, replayed=True)
        try:
            draft = decide(self, self._now)
            if self._state.broken and draft.type not in SETTLEMENTS:
                for entity in entities:
                    if isinstance(entity, ItemId):
                        self._refuse_broken(entity)
        except Unavailable as error:
            error.key_looked_up = True
            raise
        event = self._commit(draft, entities, key)
        if isinstance(key, IdempotencyKey):
            self._by_key[key.key] = event
            if key.part_of is not None:
                self._by_key[key.part_of] = event
        elif key is not None:
            self._by_key[key] = event
        return Outcome(event, replayed=False)

    def _commit(self, draft: Draft, entities: Sequence[EntityId], key: IdempotencyKey | Delivery | None) -> Event:
        kind, changes, note, drafted = draft
        _require_submitted(draft, entities)
        sequence = self._state.sequence + len(self.events) + 1
        lines = tuple([line_after(change, self._current(change.item)) for change in changes])
        opens = drafted is not None and not drafted.created
        # What has one line and makes nothing, as most changes do, is looked at no closer.
        if opens or len(lines) > 1 or (lines and lines[0].version == 1):
            if self._room is None:
                ended = sum([not held.is_open for held in self._reservations.values()])
                self._room = Room(self._state, self._writer.quotas, ended)
            self._room.require(lines, opens)
        key_use = delivery = None
        if isinstance(key, IdempotencyKey):
            key_use = KeyUse(key.key, key.hash, Instant(self._now + self._writer.key_ttl_ms * 1000), key.part_of)
        else:
            delivery = key
        reservation, step = (None, None) if drafted is None else placed(draft, sequence)
        event = Event(
            sequence,
            uuid7(self._now),
            kind,
            self._now,
            self._writer.node,
            note,
            lines,
            reservation,
            key_use,
            delivery,
            self._synced,
            step,
        )
        self._accept(event)
        self.events.append(event)
        for line in lines:
            self._records[line.item] = record_after(line, sequence, self._now)
        if reservation is not None:
            self._reservations[reservation.reservation_id] = reservation
        if self._room is not None:
            self._room.take(lines, 0 if reservation is None else opens - (not reservation.is_open))
        return event

    def _current(self, item: ItemId) -> Record | None:
        return self._records.get(item) or self._state.record(item)

    def _refuse_broken(self, item: ItemId) -> None:
        broken = self.broken_record(item)
        if broken is not None:
            sequence = broken.at.sequence
            raise NeedsOperator(
                f"the history of {item.sku} in {item.store} does not add up at sequence {sequence}", SETTLE_IT
            )

    def find(self, key: IdempotencyKey | Delivery) -> Event | None:
        """The event that a key has caused, if it still counts.

        :raises IdempotencyConflict: the key was used for another request.
        """
        if isinstance(key, Delivery):
            delivered = self._by_key.get(key) or self._at(self._state.keys.find_delivery(key))
            return delivered if delivered is not None and delivered.delivery == key else None
        event = self._by_key.get(key.key) or self._at(self._state.keys.find(key.key))
        use = event.key_use if event is not None else None
        # The table knows a digest only: the event says whether it is this key, and whether it has ended.
        if use is None or key.key not in (use.key, use.part_of) or use.expires_at <= self._now:
            return None
        if use.hash != key.hash:
            raise IdempotencyConflict(key.key)
        # One part of a request is not what the whole of it did.
        return event if use.key == key.key else None

    def _at(self, position: int | None) -> Event | None:
        return None if position is None else self._read_event(position)


def _require_submitted(draft: Draft, entities: Sequence[EntityId]) -> None:
    """:raises ValueError: the draft touches what is not among the entities, or nothing, or a record twice."""
    changes, reservation = draft.changes, draft.reservation
    if len(changes) == 1 and reservation is None and changes[0].item in entities:
        return
    touched: set[EntityId] = {change.item for change in changes}
    doubled = len(touched) < len(changes)
    if reservation is not None:
        touched.add(ReservationId(reservation.reservation_id))
    if not touched or doubled or not touched.issubset(entities):
        raise ValueError(f"a {draft.type} of {sorted(touched)} was submitted for {list(entities)}")
