"""Which idempotency keys and outside deliveries have been used, and where their events stand in the log."""

from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from inventory.domain.events import Delivery
from inventory.domain.values import Instant

_SLICE_MICROSECONDS = 60_000_000


class IdempotencyKey(NamedTuple):
    """A caller's key and a hash of what it was used for.

    :ivar hash: over method, path and meaning of the body; the same key with another hash is a conflict.
    :ivar part_of: the key of the request of which this is one part; a use of the part uses that key too.
    """

    key: str
    hash: str
    part_of: str | None = None


class KeyEntry(NamedTuple):
    """One filed key, or delivery, as a snapshot keeps it.

    :ivar ends: until when it is kept; ``None`` for a delivery, which is never forgotten.
    """

    digest: int
    position: int
    ends: Instant | None


class _Slice(NamedTuple):
    ends: Instant
    positions: dict[int, int]


class KeyTable:
    """Used keys → position of their event, at about 150 bytes a key.

    Only a digest is kept: the text, the hash and the exact end stand in the event and are compared
    there. Keys are filed by the minute in which they end, so forgetting drops whole slices.
    """

    def __init__(self) -> None:
        self._slices: deque[_Slice] = deque()
        self._deliveries: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(len(part.positions) for part in self._slices)

    def remember(self, key: str, expires_at: Instant, position: int) -> None:
        """File a used key; one that is filed later replaces an older use of the same key."""
        ends = Instant(expires_at - expires_at % _SLICE_MICROSECONDS + _SLICE_MICROSECONDS)
        if not self._slices or self._slices[-1].ends < ends:
            self._slices.append(_Slice(ends, {}))
        # An end before the newest slice's (a shorter TTL was set) is filed there: kept longer, never shorter.
        self._slices[-1].positions[_digest(key)] = position

    def find(self, key: str) -> int | None:
        """Return the position of the latest event under this key, if it may still count."""
        digest = _digest(key)
        for part in reversed(self._slices):
            position = part.positions.get(digest)
            if position is not None:
                return position
        return None

    def forget_expired(self, now: Instant) -> None:
        """Drop every slice in which all keys have ended."""
        while self._slices and self._slices[0].ends <= now:
            self._slices.popleft()

    def remember_delivery(self, delivery: Delivery, position: int) -> None:
        """File an event that came from outside; it is never forgotten."""
        self._deliveries.setdefault(_digest("\0".join(delivery)), position)

    def find_delivery(self, delivery: Delivery) -> int | None:
        """Return the position of the event that this source delivered under this id."""
        return self._deliveries.get(_digest("\0".join(delivery)))

    def copy(self) -> "KeyTable":
        """Copy the table: as fast as copying its dicts."""
        table = KeyTable()
        table._slices = deque(_Slice(part.ends, dict(part.positions)) for part in self._slices)
        table._deliveries = dict(self._deliveries)
        return table

    def entries(self) -> Iterator[KeyEntry]:
        """What is filed, in the order in which it was; nothing may be filed meanwhile."""
        for part in self._slices:
            for digest, position in part.positions.items():
                yield KeyEntry(digest, position, part.ends)
        for digest, position in self._deliveries.items():
            yield KeyEntry(digest, position, None)

    def restore(self, entry: KeyEntry) -> None:
        """File what ``entries`` gave, in the same order."""
        if entry.ends is None:
            self._deliveries[entry.digest] = entry.position
            return
        if not self._slices or self._slices[-1].ends < entry.ends:
            self._slices.append(_Slice(entry.ends, {}))
        self._slices[-1].positions[entry.digest] = entry.position


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
