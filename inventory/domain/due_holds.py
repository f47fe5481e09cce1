"""Open reservations, ordered by their expiry."""

from collections.abc import Callable, Container
from heapq import heapify, heappop, heappush

from inventory.domain.reservation import Reservation
from inventory.domain.values import Instant, ItemId

_SPARE = 64


class DueHolds:
    """A heap of ends. One that no longer counts, since its reservation was extended or has ended, goes when it is met.

    Where they are more than half, all of them go: entering one costs the same on average, however many there are.
    """

    def __init__(self, find: Callable[[str], Reservation | None]) -> None:
        """:param find: returns the open reservation of an id."""
        self._find = find
        self._ends: list[tuple[Instant, str]] = []
        self._waiting: dict[ItemId, list[str]] = {}

    def add(self, expires_at: Instant, reservation_id: str, open_ones: int) -> None:
        """Enter an end. :param open_ones: how many reservations are open."""
        heappush(self._ends, (expires_at, reservation_id))
        if len(self._ends) > 2 * open_ones + _SPARE:
            self._ends = [entry for entry in set(self._ends) if self._counts(entry) is not None]
            heapify(self._ends)

    def due(self, now: Instant, limit: int, broken: Container[ItemId]) -> list[Reservation]:
        """Up to ``limit`` whose time is over, the earliest first; with a line of a ``broken`` item they wait."""
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
