"""A sorted list of names in which no step touches more than a small part of it."""

from bisect import bisect_left, bisect_right, insort

MOST = 1024
"""Names in a chunk; one that has more is cut in two."""


class SortedNames:
    """Distinct names in code point order. Neither ``add`` nor ``after`` ever sorts, or copies, more than two chunks
    and what is asked for: both run while the fold stands still.
    """

    __slots__ = ("_chunks", "_firsts", "_length")

    def __init__(self) -> None:
        self._chunks: list[list[str]] = [[]]
        # What each chunk begins with; the first one with whatever there is.
        self._firsts = [""]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, name: str) -> None:
        """Add a name that is not there yet."""
        place = bisect_right(self._firsts, name) - 1
        chunk = self._chunks[place]
        insort(chunk, name)
        self._length += 1
        if len(chunk) > MOST:
            # Names that come in their order leave full chunks behind them.
            cut = MOST if chunk[-1] is name else MOST // 2
            self._chunks.insert(place + 1, chunk[cut:])
            self._firsts.insert(place + 1, chunk[cut])
            del chunk[cut:]

    def after(self, name: str | None, limit: int, prefix: str = "") -> list[str]:
        """Return up to ``limit`` names that begin with ``prefix``, from the first one after ``name`` on."""
        if name is None or name < prefix:
            place = bisect_right(self._firsts, prefix) - 1
            start = bisect_left(self._chunks[place], prefix)
        else:
            place = bisect_right(self._firsts, name) - 1
            start = bisect_right(self._chunks[place], name)
        found = self._chunks[place][start : start + limit]
        while len(found) < limit and (place := place + 1) < len(self._chunks):
            found += self._chunks[place][: limit - len(found)]
        if found and not found[-1].startswith(prefix):
            found = [candidate for candidate in found if candidate.startswith(prefix)]
        return found
