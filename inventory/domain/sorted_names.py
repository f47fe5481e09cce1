"""A list of names that is sorted when somebody looks at it."""

from bisect import bisect_left, bisect_right, insort

_FEW = 64


class SortedNames:
    """Distinct names in code point order. ``add`` is O(1); sorting waits for the next ``after``."""

    __slots__ = ("_names", "_unsorted")

    def __init__(self) -> None:
        self._names: list[str] = []
        self._unsorted: list[str] = []

    def __len__(self) -> int:
        return len(self._names) + len(self._unsorted)

    def add(self, name: str) -> None:
        """Add a name that is not there yet."""
        self._unsorted.append(name)

    def after(self, name: str | None, limit: int, prefix: str = "") -> list[str]:
        """Return up to ``limit`` names that begin with ``prefix``, from the first one after ``name`` on."""
        self.sort()
        start = bisect_left(self._names, prefix)
        if name is not None:
            start = max(start, bisect_right(self._names, name))
        found = self._names[start : start + limit]
        if found and not found[-1].startswith(prefix):
            found = [candidate for candidate in found if candidate.startswith(prefix)]
        return found

    def sort(self) -> None:
        """Put what was added in its place."""
        if len(self._unsorted) <= _FEW:
            for name in self._unsorted:
                insort(self._names, name)
        else:
            self._names.extend(self._unsorted)
            self._names.sort()
        self._unsorted = []
