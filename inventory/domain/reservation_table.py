"""The reservations that are remembered: by id, in the order they were made, and by when they end or have ended."""

from collections import deque
from collections.abc import Container, Iterable, Iterator

from inventory.domain.creation_order import CreationOrder
from inventory.domain.due_holds import DueHolds
from inventory.domain.events import Event, HoldStep
from inventory.domain.hold_steps import stepped
from inventory.domain.reservation import EndedHold, Hold, Reservation, end_of, ended, packed, unpacked
from inventory.domain.values import Instant, ItemId

FORGOTTEN_AT_ONCE = 2000
"""More than one batch of changes can end, so forgetting keeps up; few enough to take about a millisecond."""


class HoldCopy:
    """What a table held: later changes do not show in it. May be gone through again and again."""

    def __init__(self, ids: list[str], kept: list[Reservation | bytes | None]) -> None:
        self._ids = ids
        self._kept = kept

    def __iter__(self) -> Iterator[Hold]:
        for reservation_id, one in zip(self._ids, self._kept, strict=True):
            if one is not None:
                yield unpacked(reservation_id, one) if isinstance(one, bytes) else one


class ReservationTable:
    """Open reservations whole, and those that have ended without their lines, until ``forget_ended``.

    No call costs more where more is remembered, or for longer, but for ``held_of``, ``sort`` and ``copy``.

    Looking one up is safe while another thread folds; everything else is done by whoever holds the fold still.
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
        """How many still hold something."""
        return len(self._open)

    @property
    def ended_count(self) -> int:
        """How many have ended and are remembered."""
        return len(self._ended)

    def get(self, reservation_id: str) -> Hold | None:
        """Return one, or ``None`` where none is remembered under this id."""
        held = self._open.get(reservation_id)
        if held is not None:
            return held
        # Looked for second, and entered first: one that ends meanwhile is found.
        kept = self._ended.get(reservation_id)
        return None if kept is None else unpacked(reservation_id, kept)

    def put(self, hold: Hold) -> None:
        """Enter a reservation as its latest event left it."""
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
        """Enter what an event did to a reservation. Of one that is not open nothing is known that it could change."""
        before = self._open.get(step.reservation_id)
        if before is not None:
            self.put(stepped(before, event, step))

    def due(self, now: Instant, limit: int, broken: Container[ItemId] = ()) -> list[Reservation]:
        """Return up to ``limit`` open ones whose time is over; those with a line of a ``broken`` item wait."""
        return self._due.due(now, limit, broken)

    def after(self, created: int, many: int) -> list[str]:
        """Return the ids of up to ``many`` that were made by later events than ``created``, in that order."""
        return self._order.after(created, many)

    def held_of(self, item: ItemId) -> int:
        """Return how many units of an item open reservations hold: what the record's ``reserved`` has to be."""
        return sum(line.held for held in self._open.values() for line in held.lines if line.item == item)

    def sort(self) -> None:
        """Bring those that have ended into the order of their ends: a snapshot has them in another one."""
        if not self._is_sorted:
            kept = self._ended
            self._by_end = deque(sorted(self._by_end, key=lambda one: kept.get(one, b"")))
            self._is_sorted = True

    def forget_ended(self, before: Instant) -> None:
        """Forget those that ended before then, some at a time. What they did stays in the log."""
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
        """All of them, in the order they were made; or those of these ids, as far as they are remembered."""
        held, ended, ids = self._open, self._ended, list(self._order if ids is None else ids)
        return HoldCopy(ids, [held.get(name) or ended.get(name) for name in ids])
