"""One lock per entity, for as long as somebody wants it."""

import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager


class EntityLocks:
    """A ``threading.Lock`` for each entity that is in use; the lock of an idle one is dropped.

    Several are taken in sorted order, so two callers never wait for each other in a circle.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, list[None]]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @contextmanager
    def holding(self, entities: Sequence[Hashable]) -> Iterator[None]:
        """Hold the locks of all ``entities`` (sortable; doubles count once) inside the ``with`` block."""
        ordered = list(entities) if len(entities) == 1 else sorted(set(entities))  # type: ignore[type-var]
        locks = [self._claim(entity) for entity in ordered]
        taken = 0
        try:
            for lock in locks:
                lock.acquire()
                taken += 1
            yield
        finally:
            for lock in reversed(locks[:taken]):
                lock.release()
            for entity in ordered:
                self._unclaim(entity)

    def _claim(self, entity: Hashable) -> threading.Lock:
        with self._guard:
            lock, claims = self._locks.setdefault(entity, (threading.Lock(), []))
            claims.append(None)
            return lock

    def _unclaim(self, entity: Hashable) -> None:
        with self._guard:
            _, claims = self._locks[entity]
            claims.pop()
            if not claims:
                del self._locks[entity]
