"""A bulkhead for large reads, which leaves room for changes and for small reads."""

from collections.abc import Callable
from types import TracebackType

from inventory.domain.errors import Overloaded
from inventory.resilience.bulkhead import Bulkhead, ByteBudget

MOST_BYTES = 4 * 1024 * 1024
"""Of the body of a list."""
MANY = 250
"""A read of more entries is large."""
LARGE_BYTES = 256 * 1024
"""So is one whose body has more bytes."""


class LargeReads:
    """Lets so many large reads work at once, and no further one while clients leave their answers lying."""

    def __init__(self, bulkhead: Bulkhead, unsent: ByteBudget, count_refused: Callable[[], None]) -> None:
        """:param unsent: the answers that clients have not taken yet."""
        self._bulkhead = bulkhead
        self._unsent = unsent
        self._count_refused = count_refused

    def reading(self) -> "LargeRead":
        """One read, to be used in a ``with`` block. It is small until it says otherwise."""
        return LargeRead(self)

    def enter(self) -> None:
        """Begin a large read. :raises Overloaded: there is no room for it."""
        if not self._bulkhead.enter():
            self._refuse("too many concurrent large reads; try again later, or ask for fewer entries at once")
        # What is being read is not counted there yet, and the answers of changes need room, too.
        if self._unsent.remaining < MOST_BYTES * (self._bulkhead.at_work + 1):
            self._bulkhead.leave()
            self._refuse("too many answers wait for clients that read slowly; try again later, or ask for less")

    def leave(self) -> None:
        """A large read is done."""
        self._bulkhead.leave()

    def _refuse(self, reason: str) -> None:
        self._count_refused()
        raise Overloaded(reason)


class LargeRead:
    """One read, which enters the bulkhead when it turns out to be large, and leaves it at the end of the block."""

    __slots__ = ("_is_large", "_reads")

    def __init__(self, reads: LargeReads) -> None:
        self._reads = reads
        self._is_large = False

    def __enter__(self) -> "LargeRead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_large:
            self._reads.leave()

    def has(self, entries: int = 0, size: int = 0) -> None:
        """Say how many entries are read, or how many bytes the body has so far.

        :raises Overloaded: the read is large by that, and there is no room for it.
        """
        if not self._is_large and (entries > MANY or size > LARGE_BYTES):
            self._reads.enter()
            self._is_large = True
