"""The reservations that are remembered: by id, in the order they were made, and by the second in which they end."""

from bisect import bisect_right
from collections.abc import Container

from inventory.domain.reservation import Reservation
from inventory.domain.values import Instant, ItemId

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND


class ReservationTable:
    """Open reservations, and those that have ended, until ``forget_ended``.

    Looking one up is safe while another thread folds; everything else is done by whoever holds the fold still.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Reservation] = {}
        self._order: list[tuple[int, str]] = []
        self._due: dict[int, set[str]] = {}
        self._ended: dict[int, list[str]] = {}
        self._open = 0

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def open_count(self) -> int:
        """How many still hold something."""
        return self._open

    @property
    def ended_count(self) -> int:
        """How many have ended and are remembered."""
        return len(self._by_id) - self._open

    def get(self, reservation_id: str) -> Reservation | None:
        """Return one, or ``None`` where none is remembered under this id."""
        return self._by_id.get(reservation_id)

    def put(self, reservation: Reservation) -> None:
        """Enter a reservation as its latest event left it."""
        before = self._by_id.get(reservation.reservation_id)
        if before is None:
            self._order.append((reservation.created, reservation.reservation_id))
        elif before.is_open and before.expires_at is not None:
            self._unfile(before.reservation_id, before.expires_at)
        self._by_id[reservation.reservation_id] = reservation
        self._open += reservation.is_open - (before is not None and before.is_open)
        if reservation.ended_at is not None:
            self._ended.setdefault(reservation.ended_at // _MINUTE, []).append(reservation.reservation_id)
        elif reservation.expires_at is not None:
            self._due.setdefault(reservation.expires_at // _SECOND, set()).add(reservation.reservation_id)

    def due(self, now: Instant, limit: int, broken: Container[ItemId] = ()) -> list[Reservation]:
        """Return up to ``limit`` open ones whose time is over; those with a line of a ``broken`` item wait."""
        found: list[Reservation] = []
        for second in sorted(second for second in self._due if second <= now // _SECOND):
            for reservation_id in self._due[second]:
                reservation = self._by_id[reservation_id]
                if reservation.is_over(now) and not any(line.item in broken for line in reservation.lines):
                    found.append(reservation)
                    if len(found) == limit:
                        return found
        return found

    def after(self, created: int, many: int) -> list[str]:
        """Return the ids of up to ``many`` that were made by later events than ``created``, in that order."""
        start = bisect_right(self._order, (created, "\uffff"))
        return [reservation_id for _, reservation_id in self._order[start : start + many]]

    def held_of(self, item: ItemId) -> int:
        """Return how many units of an item open reservations hold: what the record's ``reserved`` has to be."""
        return sum(
            line.held for held in self._by_id.values() if held.is_open for line in held.lines if line.item == item
        )

    def forget_ended(self, before: Instant) -> None:
        """Forget those that had ended by then, a whole minute of them at a time. What they did stays in the log."""
        over = [minute for minute in self._ended if (minute + 1) * _MINUTE <= before]
        if not over:
            return
        for minute in over:
            for reservation_id in self._ended.pop(minute):
                self._by_id.pop(reservation_id, None)
        self._order = [entry for entry in self._order if entry[1] in self._by_id]

    def all(self) -> list[Reservation]:
        """All of them, in the order they were made."""
        return [self._by_id[reservation_id] for _, reservation_id in self._order]

    def _unfile(self, reservation_id: str, expires_at: Instant) -> None:
        second = expires_at // _SECOND
        ids = self._due[second]
        ids.discard(reservation_id)
        if not ids:
            del self._due[second]
