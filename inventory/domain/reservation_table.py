"""The remembered reservations: by id, in the order of their creation, and by their end."""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from heapq import heapify, heappop, heappush

from inventory.domain.events import Event, HoldStep, stepped
from inventory.domain.reservation import EndedHold, Hold, Reservation, end_of, ended, packed, unpacked
from inventory.domain.values import Instant, ItemId

_LONGEST = 512


class _Chunk:
    """Neighbours in the order. Removed ids stay until they are half of the chunk."""

    __slots__ = ("alive", "created", "ids")

    def __init__(self) -> None:
        self.created = array("q")
        self.ids: list[str | None] = []
        self.alive = 0


class CreationOrder:
    """Ids by the sequence of the event that created each. A call looks at one chunk, besides what it returns."""

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []

    def add(self, created: int, reservation_id: str) -> None:
        """Enter an id: in an undamaged log it was created after all others."""
        if not self._chunks or (created >= self._chunks[-1].created[-1] and len(self._chunks[-1].ids) >= _LONGEST):
            self._chunks.append(_Chunk())
        chunk = self._chunks[self._chunk_of(created) if self._chunks[-1].ids else -1]
        place = bisect_right(chunk.created, created)
        chunk.created.insert(place, created)
        chunk.ids.insert(place, reservation_id)
        chunk.alive += 1

    def remove(self, created: int, reservation_id: str) -> None:
        """Remove an id that is in it."""
        number = self._chunk_of(created)
        chunk = self._chunks[number]
        chunk.ids[chunk.ids.index(reservation_id)] = None
        chunk.alive -= 1
        if chunk.alive == 0:
            del self._chunks[number]
        elif chunk.alive * 2 < len(chunk.ids):
            kept = [(created, name) for created, name in zip(chunk.created, chunk.ids, strict=True) if name is not None]
            chunk.created, chunk.ids = array("q", [created for created, _ in kept]), [name for _, name in kept]

    def after(self, created: int, many: int) -> list[str]:
        """Up to ``many`` ids that were created by later events than ``created``, in that order."""
        found: list[str] = []
        for number in range(self._chunk_of(created), len(self._chunks)):
            chunk = self._chunks[number]
            begin = bisect_right(chunk.created, created)
            found += [name for name in chunk.ids[begin:] if name is not None]
            if len(found) >= many:
                break
        return found[:many]

    def __iter__(self) -> Iterator[str]:
        """All ids."""
        for chunk in self._chunks:
            yield from [name for name in chunk.ids if name is not None]

    def _chunk_of(self, created: int) -> int:
        return max(0, bisect_right(self._chunks, created, key=lambda chunk: chunk.created[0]) - 1)


_SPARE = 64


class DueHolds:
    """A heap of expiry times. One that is stale (its reservation was extended, or has ended) is dropped when it is met.

    If more than half are stale, all stale ones are dropped: adding one costs the same on average, however many exist.
    """

    def __init__(self, find: Callable[[str], Reservation | None]) -> None:
        """:param find: returns the open reservation of an id."""
        self._find = find
        self._ends: list[tuple[Instant, str]] = []
        self._waiting: dict[ItemId, list[str]] = {}

    def add(self, expires_at: Instant, reservation_id: str, open_ones: int) -> None:
        """Enter an expiry time. :param open_ones: the number of open reservations."""
        heappush(self._ends, (expires_at, reservation_id))
        if len(self._ends) > 2 * open_ones + _SPARE:
            self._ends = [entry for entry in set(self._ends) if self._counts(entry) is not None]
            heapify(self._ends)

    def due(self, now: Instant, limit: int, broken: Container[ItemId]) -> list[Reservation]:
        """Up to ``limit`` expired ones, the earliest first; those with a line of a ``broken`` item wait."""
        for item in [item for item in self._waiting if item not in broken]:
            for reservation_id in self._waiting.pop(item):
                held = self._find(reservation_id)
                if held is not None and held.expires_at is not None:
                    heappush(self._ends, (held.expires_at, reservation_id))
        found: dict[str, Reservation] = {}
        while self._ends and self._ends[0][0] <= now and len(found) < limit:
            entry = heappop(self._ends)
            held = self._counts(entry)
            if held is None:
                continue
            stuck = next((line.item for line in held.lines if line.item in broken), None)
            if stuck is None:
                found[entry[1]] = held
            else:
                self._waiting.setdefault(stuck, []).append(entry[1])
        for held in found.values():
            if held.expires_at is not None:
                heappush(self._ends, (held.expires_at, held.reservation_id))
        return list(found.values())

    def _counts(self, entry: tuple[Instant, str]) -> Reservation | None:
        held = self._find(entry[1])
        return held if held is not None and held.expires_at == entry[0] else None


FORGOTTEN_AT_ONCE = 2000
"""More than one commit group can end, so forgetting keeps up; few enough to take about a millisecond."""


class HoldCopy:
    """A copy of a table, which later changes do not affect. It may be iterated repeatedly."""

    def __init__(self, ids: list[str], kept: list[Reservation | bytes | None]) -> None:
        self._ids = ids
        self._kept = kept

    def __iter__(self) -> Iterator[Hold]:
        for reservation_id, one in zip(self._ids, self._kept, strict=True):
            if one is not None:
                yield unpacked(reservation_id, one) if isinstance(one, bytes) else one


class ReservationTable:
    """Open reservations complete, and ended ones without their lines, until ``forget_ended``.

    The cost of a call does not grow with the number remembered, except for ``held_of``, ``sort`` and ``copy``.

    Looking one up is safe while another thread folds; every other caller holds the lock that guards the fold.
    """

    def __init__(self) -> None:
        self._open: dict[str, Reservation] = {}
        self._ended: dict[str, bytes] = {}
        self._order = CreationOrder()
        self._due = DueHolds(self._open.get)
        self._by_end: deque[str] = deque()
        self._is_sorted = True

    def __len__(self) -> int:
        return len(self._open) + len(self._ended)

    @property
    def open_count(self) -> int:
        """The number of open reservations."""
        return len(self._open)

    @property
    def ended_count(self) -> int:
        """The number of ended reservations that are remembered."""
        return len(self._ended)

    def get(self, reservation_id: str) -> Hold | None:
        """Return a reservation, or ``None`` if none is remembered under this id."""
        held = self._open.get(reservation_id)
        if held is not None:
            return held
        # A reservation that ends is entered here before it leaves the open ones, so one that ends meanwhile is found.
        kept = self._ended.get(reservation_id)
        return None if kept is None else unpacked(reservation_id, kept)

    def put(self, hold: Hold) -> None:
        """Enter a reservation as of its latest event."""
        reservation_id = hold.reservation_id
        before = self._open.get(reservation_id)
        known = before or self.get(reservation_id)
        if known is None:
            self._order.add(hold.created, reservation_id)
        elif known.created != hold.created:
            hold = hold._replace(created=known.created)
        if isinstance(hold, Reservation) and hold.is_open:
            self._open[reservation_id] = hold
            self._ended.pop(reservation_id, None)
            if hold.expires_at is not None and (before is None or before.expires_at != hold.expires_at):
                self._due.add(hold.expires_at, reservation_id, len(self._open))
            return
        kept = packed(ended(hold) if isinstance(hold, Reservation) else hold)
        if self._by_end and kept < self._ended.get(self._by_end[-1], b""):
            self._is_sorted = False
        self._ended[reservation_id] = kept
        self._by_end.append(reservation_id)
        self._open.pop(reservation_id, None)

    def step(self, event: Event, step: HoldStep) -> None:
        """Apply a step of an event. A reservation that is not open is unknown, so nothing changes."""
        before = self._open.get(step.reservation_id)
        if before is not None:
            self.put(stepped(before, event, step))

    def due(self, now: Instant, limit: int, broken: Container[ItemId] = ()) -> list[Reservation]:
        """Return up to ``limit`` open ones that have expired; those with a line of a ``broken`` item wait."""
        return self._due.due(now, limit, broken)

    def after(self, created: int, many: int) -> list[str]:
        """Return up to ``many`` ids that were created by later events than ``created``, in that order."""
        return self._order.after(created, many)

    def held_of(self, item: ItemId) -> int:
        """Return the units of an item that open reservations hold: what ``reserved`` of the record must be."""
        return sum(line.held for held in self._open.values() for line in held.lines if line.item == item)

    def sort(self) -> None:
        """Sort the ended ones by their ends: a snapshot has them in another order."""
        if not self._is_sorted:
            kept = self._ended
            self._by_end = deque(sorted(self._by_end, key=lambda one: kept.get(one, b"")))
            self._is_sorted = True

    def forget_ended(self, before: Instant) -> None:
        """Forget those that ended before then, some at a time. Their events stay in the log."""
        self.sort()
        for _ in range(min(FORGOTTEN_AT_ONCE, len(self._by_end))):
            kept = self._ended.get(self._by_end[0])
            if kept is not None:
                if end_of(kept) >= before:
                    return
                hold: EndedHold = unpacked(self._by_end[0], kept)
                del self._ended[hold.reservation_id]
                self._order.remove(hold.created, hold.reservation_id)
            self._by_end.popleft()

    def copy(self, ids: Iterable[str] | None = None) -> HoldCopy:
        """All of them, in the order of their creation; or those of these ids that are remembered."""
        held, ended, ids = self._open, self._ended, list(self._order if ids is None else ids)
        return HoldCopy(ids, [held.get(name) or ended.get(name) for name in ids])
