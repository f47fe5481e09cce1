"""One lock per entity, as long as a thread uses it."""

import threading
from collections.abc import Hashable, Sequence
from types import TracebackType


class EntityLocks:
    """A ``threading.Lock`` for each entity that is in use; the lock of an idle one is dropped.

    Several are acquired in sorted order, so callers cannot deadlock.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, list[None]]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def holding(self, entities: Sequence[Hashable]) -> "_Holding":
        """Hold the locks of all ``entities`` (sortable; duplicates count once) in the ``with`` block."""
        ordered = entities if len(entities) == 1 else sorted(set(entities))  # type: ignore[type-var]
        return _Holding(self, ordered)

    def claim(self, entity: Hashable) -> threading.Lock:
        """Return the lock of the entity, which is kept until ``unclaim``."""
        with self._guard:
            lock, claims = self._locks.setdefault(entity, (threading.Lock(), []))
            claims.append(None)
            return lock

    def unclaim(self, entity: Hashable) -> None:
        """Drop the lock of the entity, unless another caller has claimed it."""
        with self._guard:
            _, claims = self._locks[entity]
            claims.pop()
            if not claims:
                del self._locks[entity]


class _Holding:
    """A class, not a generator: each change uses one, and this takes half the time."""

    __slots__ = ("_entities", "_locks", "_owner")

    def __init__(self, owner: EntityLocks, entities: Sequence[Hashable]) -> None:
        self._owner = owner
        self._entities = entities
        self._locks: list[threading.Lock] = []

    def __enter__(self) -> None:
        claimed = [self._owner.claim(entity) for entity in self._entities]
        try:
            for lock in claimed:
                lock.acquire()
                self._locks.append(lock)
        except BaseException:
            self._release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        for lock in reversed(self._locks):
            lock.release()
        for entity in self._entities:
            self._owner.unclaim(entity)
