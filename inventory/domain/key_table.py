"""The idempotency keys and outside deliveries that were used, and the places of their events in the log."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from types import MappingProxyType
from typing import NamedTuple

from inventory.domain.events import Delivery
from inventory.domain.values import Instant

_MINUTE = 60_000_000
_SHARDS = 256
_MINUTE_BITS = 32
_MINUTE_MASK = (1 << _MINUTE_BITS) - 1
_LIFE_BITS = 7
_FORGOTTEN_AT_ONCE = 1000


class IdempotencyKey(NamedTuple):
    """A client's key and a hash of the request that it was used for.

    :ivar hash: over method, path and parsed body; the same key with another hash is a conflict.
    :ivar part_of: the key of the request of which this is a part; a use of the part uses that key too.
    """

    key: str
    hash: str
    part_of: str | None = None


class KeyEntry(NamedTuple):
    """One key or delivery as a snapshot keeps it.

    :ivar ends: until when it is kept; ``None`` for a delivery, which is never forgotten.
    """

    digest: int
    position: int
    ends: Instant | None


class FiledKeys(NamedTuple):
    """A copy of the entries of a table, which later entries do not change."""

    shards: Sequence[Mapping[int, int]] = ()
    deliveries: Mapping[int, int] = MappingProxyType({})

    def entries(self) -> Iterator[KeyEntry]:
        """The entries, in no particular order."""
        for shard in self.shards:
            for digest, filed in shard.items():
                yield KeyEntry(digest, filed >> _MINUTE_BITS, Instant((filed & _MINUTE_MASK) * _MINUTE))
        for digest, position in self.deliveries.items():
            yield KeyEntry(digest, position, None)


class KeyTable:
    """Used keys → position of their event, at about 150 bytes a key.

    Only a digest is kept: the text, the hash and the exact expiry are in the event and are compared there. Adding and
    finding a key take one dict look-up, however long keys live and however many lifetimes are mixed.

    A key is put into the bucket in which it expires, and buckets are forgotten in the order of their ends. A bucket is
    a minute wide, or 1/64 of the key's life if that is more: a key is kept at most that much longer, never shorter. A
    later use of a key goes into a bucket of its own, and the earlier bucket does not forget it.

    The dict is split by digest, because a dict that grows moves all its keys at once while everything waits: a
    hundredth of the keys is moved in a hundredth of the time.
    """

    def __init__(self) -> None:
        # digest → position and, in the low bits, the minute in which the bucket of the key ends
        self._shards: list[dict[int, int]] = [{} for _ in range(_SHARDS)]
        self._buckets: dict[int, list[int]] = {}
        self._order: list[int] = []
        self._filed = 0
        self._removed = [0] * _SHARDS
        self._next_to_pack = 0
        self._deliveries: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    @property
    def deliveries(self) -> int:
        """The number of remembered deliveries."""
        return len(self._deliveries)

    def remember(self, key: str, at: Instant, expires_at: Instant, position: int) -> None:
        """Enter a key that was used at ``at``; it replaces an earlier use of the same key."""
        minute = expires_at // _MINUTE
        # The bits of a life in minutes beyond the first seven: 0 for lives of up to 127 minutes.
        coarse = (((expires_at - at) // _MINUTE) >> _LIFE_BITS).bit_length()
        self._file(_digest(key), ((minute >> coarse) + 1) << coarse, position)
        self._filed += 1

    def find(self, key: str) -> int | None:
        """Return the position of the latest event under this key, unless the key is forgotten."""
        digest = _digest(key)
        filed = self._shards[digest % _SHARDS].get(digest)
        return None if filed is None else filed >> _MINUTE_BITS

    def forget_expired(self, now: Instant) -> bool:
        """Forget keys whose bucket has ended; return whether more are due.

        The fold waits during a call, so one call forgets at most 1,000 keys plus twice the number added since the
        last call. So the table never falls behind.
        """
        left = _FORGOTTEN_AT_ONCE + 2 * self._filed
        self._filed = 0
        while self._order and self._order[0] * _MINUTE <= now:
            if not left:
                return True
            minute = self._order[0]
            bucket = self._buckets[minute]
            some = bucket[-left:]
            del bucket[-left:]
            left -= len(some)
            self._remove(some, minute)
            if not bucket:
                del self._buckets[heappop(self._order)]
        return False

    def remember_delivery(self, delivery: Delivery, position: int) -> None:
        """Enter an event that came from outside; it is never forgotten."""
        self._deliveries.setdefault(_digest("\0".join(delivery)), position)

    def find_delivery(self, delivery: Delivery) -> int | None:
        """Return the position of the event that this source delivered under this id."""
        return self._deliveries.get(_digest("\0".join(delivery)))

    def copy(self) -> "FiledKeys":
        """Copy the entries, as fast as dicts are copied."""
        return FiledKeys([dict(shard) for shard in self._shards], dict(self._deliveries))

    def restore(self, entry: KeyEntry) -> None:
        """Enter one entry that a snapshot has kept."""
        if entry.ends is None:
            self._deliveries[entry.digest] = entry.position
        else:
            self._file(entry.digest, -(-entry.ends // _MINUTE), entry.position)

    def _file(self, digest: int, minute: int, position: int) -> None:
        bucket = self._buckets.get(minute)
        if bucket is None:
            bucket = self._buckets[minute] = []
            heappush(self._order, minute)
        bucket.append(digest)
        self._shards[digest % _SHARDS][digest] = position << _MINUTE_BITS | minute

    def _remove(self, digests: list[int], minute: int) -> None:
        shards, removed = self._shards, self._removed
        for digest in digests:
            place = digest % _SHARDS
            # Not if it was added again since, or twice in this bucket.
            if shards[place].get(digest, -1) & _MINUTE_MASK == minute:
                del shards[place][digest]
                removed[place] += 1
        # A dict keeps the space of removed keys. Each call copies a few dicts: 16 after 1,000 keys.
        for _ in range(1 + len(digests) // 64):
            place = self._next_to_pack = (self._next_to_pack + 1) % _SHARDS
            if removed[place] > len(shards[place]):
                shards[place], removed[place] = dict(shards[place]), 0


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
