"""A commit group: changes decided one after another on an overlay of the state, before anything is written."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from inventory.domain.dead_letter import SETTLEMENTS, BrokenRecord
from inventory.domain.errors import IdempotencyConflict, NeedsOperator, Unavailable
from inventory.domain.events import Delivery, Draft, Event, KeyUse, line_after, placed, record_after
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import EntityId, Instant, ItemId, ReservationId
from inventory.service.event_ids import uuid7
from inventory.service.pending_change import as_unavailable
from inventory.service.ports.change_queue import Decide, Outcome
from inventory.service.ports.group_store import OpenGroup
from inventory.service.quotas import Quotas, Room

_FEW = 8
"""Up to this many entities are searched as a sequence; more are put into a set first."""
SETTLE_IT = "settle its dead letter with 'inventory dead-letters'; see docs/how-to/dead-letters.md"


@dataclass(frozen=True, slots=True)
class EventStamp:
    """What a process stamps on its events: the name of its node, and how long a key is remembered.

    :ivar hold_keep_ms: how long an ended reservation is remembered.
    :ivar quotas: the quotas of what changes may create.
    """

    node: str
    key_ttl_ms: int
    hold_keep_ms: int = 86_400_000
    quotas: Quotas = Quotas()


class NotSubmitted(ValueError):
    """A bug of the caller: a decision read, or changed, an entity that was not submitted with it."""


class CommitGroup:
    """Decides changes in order; each sees those before it. ``events`` are to be written.

    Dropping the group undoes it: it changes neither the state nor its keys. It is also the ``StateView`` of decisions,
    and raises ``NotSubmitted`` if one reads an entity that was not submitted with it: an engine may have loaded nothing
    else.
    """

    def __init__(self, group: OpenGroup, stamp: EventStamp) -> None:
        self.events: Sequence[Event] = group.events
        self._group = group
        self._state, self._now, self._has_broken = group.state, group.now, group.has_broken
        self._stamp = stamp
        self._room: Room | None = None
        self._submitted: Collection[EntityId] = ()
        self._key_looked_up = False
        self._records: dict[ItemId, Record] = {}
        self._reservations: dict[str, Reservation] = {}
        self._by_key: dict[str | Delivery, Event] = {}

    def record(self, item: ItemId) -> Record | None:
        """The record with the changes of this group so far.

        :raises NeedsOperator: its history is broken: only a settlement may use its figures.
        """
        if item not in self._submitted:
            raise _not_submitted(item)
        if self._has_broken:
            self._refuse_broken(item)
        return self._records.get(item) or self._state.record(item)

    def broken_record(self, item: ItemId) -> BrokenRecord | None:
        """The record with the break in its history; ``None`` if there is none, or this group has settled it."""
        if item not in self._submitted:
            raise _not_submitted(item)
        return self._broken(item)

    def held_of(self, item: ItemId) -> int:
        """The units of an item that open reservations hold. For a broken record, this group does not change that."""
        if item not in self._submitted:
            raise _not_submitted(item)
        return self._state.held_of(item)

    def reservation(self, reservation_id: str) -> Hold | None:
        """The reservation with the changes of this group so far."""
        if ReservationId(reservation_id) not in self._submitted:
            raise _not_submitted(ReservationId(reservation_id))
        return self._reservation(reservation_id)

    def latest(self) -> int:
        """The sequence of the latest event, including those of this group."""
        return self._group.first + len(self.events)

    def rests_on(self, entities: Sequence[EntityId]) -> int:
        """The latest event that the error of the latest ``run``, about these entities, depends on; 0 for none."""
        if self._group.refusal is not None or not self._key_looked_up:
            return 0  # Nothing was decided.
        found = [
            self._reservation(one.id) if isinstance(one, ReservationId) else self._current(one) for one in entities
        ]
        return max((entity.sequence for entity in found if entity is not None), default=0)

    def require_unused(self, keys: Iterable[IdempotencyKey | Delivery | None]) -> None:
        """:raises IdempotencyConflict: one of the keys was used for another request."""
        for key in keys:
            if key is not None:
                self.find(key)

    def run(self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None) -> Outcome:
        """Decide one change and add its event, or find the event that its key has already caused.

        :raises Refusal: what ``decide`` raises; ``IdempotencyConflict``; ``QuotaExceeded``.
        :raises NeedsOperator: the history of an entity is broken, and this change does not settle it.
        :raises Unavailable: nothing can be appended, and the key has caused nothing.
        :raises NotSubmitted: ``decide`` read, or changed, something that is not among the entities.
        :raises ValueError: it changed nothing, or a record twice.
        """
        self._key_looked_up = False
        if key is not None:
            earlier = self.find(key)
            if earlier is not None:
                return Outcome(earlier, replayed=True)
        self._key_looked_up = True
        if self._group.refusal is not None:
            raise as_unavailable(self._group.refusal, key_looked_up=self._group.complete)
        self._submitted = entities if len(entities) <= _FEW else frozenset(entities)
        try:
            draft = decide(self, self._now)
            if self._has_broken and draft.type not in SETTLEMENTS:
                for entity in entities:
                    if isinstance(entity, ItemId):
                        self._refuse_broken(entity)
        except Unavailable as error:
            error.key_looked_up = True
            raise
        event = self._commit(draft, key)
        if isinstance(key, IdempotencyKey):
            self._by_key[key.key] = event
            if key.part_of is not None:
                self._by_key[key.part_of] = event
        elif key is not None:
            self._by_key[key] = event
        return Outcome(event, replayed=False)

    def find(self, key: IdempotencyKey | Delivery) -> Event | None:
        """The event that a key has caused, if the key has not expired.

        :raises IdempotencyConflict: the key was used for another request.
        """
        if isinstance(key, Delivery):
            delivered = self._by_key.get(key) or self._group.event_of(key)
            return delivered if delivered is not None and delivered.delivery == key else None
        event = self._by_key.get(key.key) or self._group.event_of(key.key)
        use = event.key_use if event is not None else None
        # The table has only a digest: the event says whether it is this key, and whether it has expired.
        if use is None or key.key not in (use.key, use.part_of) or use.expires_at <= self._now:
            return None
        if use.hash != key.hash:
            raise IdempotencyConflict(key.key)
        # The result of one part is not the result of the whole request.
        return event if use.key == key.key else None

    def _commit(self, draft: Draft, key: IdempotencyKey | Delivery | None) -> Event:
        kind, changes, note, drafted = draft
        self._require_submitted(draft)
        sequence = self._group.first + len(self.events) + 1
        lines = tuple([line_after(change, self._current(change.item)) for change in changes])
        opens = drafted is not None and not drafted.created
        # Most changes have one line and create nothing; they need no further check.
        if opens or len(lines) > 1 or (lines and lines[0].version == 1):
            self._room_here().require(lines, opens)
        key_use = delivery = None
        if isinstance(key, IdempotencyKey):
            key_use = KeyUse(key.key, key.hash, Instant(self._now + self._stamp.key_ttl_ms * 1000), key.part_of)
        else:
            delivery = key
        reservation, step = (None, None) if drafted is None else placed(draft, sequence)
        event = Event(
            sequence,
            uuid7(self._now),
            kind,
            self._now,
            self._stamp.node,
            note,
            lines,
            reservation,
            key_use,
            delivery,
            self._group.durable,
            step,
        )
        self._group.accept(event)
        for line in lines:
            self._records[line.item] = record_after(line, sequence, self._now)
        if reservation is not None:
            self._reservations[reservation.reservation_id] = reservation
        if self._room is not None:
            self._room.take(lines, 0 if reservation is None else opens - (not reservation.is_open))
        return event

    def _room_here(self) -> Room:
        if self._room is None:
            ended = sum([not held.is_open for held in self._reservations.values()])
            self._room = Room(self._group.sizes(), self._group.has_store, self._stamp.quotas, ended)
        return self._room

    def _require_submitted(self, draft: Draft) -> None:
        changes, reservation = draft.changes, draft.reservation
        if len(changes) == 1 and reservation is None and changes[0].item in self._submitted:
            return
        touched: list[EntityId] = [change.item for change in changes]
        if reservation is not None:
            touched.append(ReservationId(reservation.reservation_id))
        for entity in touched:
            if entity not in self._submitted:
                raise _not_submitted(entity)
        if not touched or len(set(touched)) < len(touched):
            raise ValueError(f"a {draft.type} changes nothing, or a record twice: {touched}")

    def _current(self, item: ItemId) -> Record | None:
        return self._records.get(item) or self._state.record(item)

    def _reservation(self, reservation_id: str) -> Hold | None:
        return self._reservations.get(reservation_id) or self._state.reservation(reservation_id)

    def _broken(self, item: ItemId) -> BrokenRecord | None:
        # Only a settlement is committed to a broken record.
        return None if item in self._records else self._state.broken_record(item)

    def _refuse_broken(self, item: ItemId) -> None:
        broken = self._broken(item)
        if broken is not None:
            sequence = broken.at.sequence
            raise NeedsOperator(f"the history of {item.sku} in {item.store} is broken at event {sequence}", SETTLE_IT)


def _not_submitted(entity: EntityId) -> NotSubmitted:
    return NotSubmitted(f"a decision is about {entity}, which was not submitted with it")
