"""Reservations in the order in which they were made; any of them can be removed."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator

_LONGEST = 512


class _Chunk:
    """Neighbours in the order. Those taken out stay until they are half of it."""

    __slots__ = ("alive", "created", "ids")

    def __init__(self) -> None:
        self.created = array("q")
        self.ids: list[str | None] = []
        self.alive = 0


class CreationOrder:
    """Ids by the sequence of the event that made each. Any call looks at one chunk, beside what it returns."""

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []

    def add(self, created: int, reservation_id: str) -> None:
        """Enter one: in a whole log it was made later than all others."""
        if not self._chunks or (created >= self._chunks[-1].created[-1] and len(self._chunks[-1].ids) >= _LONGEST):
            self._chunks.append(_Chunk())
        chunk = self._chunks[self._chunk_of(created) if self._chunks[-1].ids else -1]
        place = bisect_right(chunk.created, created)
        chunk.created.insert(place, created)
        chunk.ids.insert(place, reservation_id)
        chunk.alive += 1

    def remove(self, created: int, reservation_id: str) -> None:
        """Take one out that is in it."""
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
        """Up to ``many`` that were made by later events than ``created``, in that order."""
        found: list[str] = []
        for number in range(self._chunk_of(created), len(self._chunks)):
            chunk = self._chunks[number]
            begin = bisect_right(chunk.created, created)
            found += [name for name in chunk.ids[begin:] if name is not None]
            if len(found) >= many:
                break
        return found[:many]

    def __iter__(self) -> Iterator[str]:
        """All of them."""
        for chunk in self._chunks:
            yield from [name for name in chunk.ids if name is not None]

    def _chunk_of(self, created: int) -> int:
        return max(0, bisect_right(self._chunks, created, key=lambda chunk: chunk.created[0]) - 1)
