"""Token buckets by GCRA: one for each client, shared by all processes that map the same file.

The generic cell rate algorithm (ITU-T I.371, the virtual scheduling form) keeps one number for a bucket: the
theoretical arrival time, at which it would be full again. Here that is one aligned 8-byte item, in nanoseconds of a
monotonic clock, so no reader sees it half-written and nothing has to be cleaned up.

Its errors:

- Two clients whose addresses map to one item share a bucket: they may be refused early, if both are busy at the same
  time. Items are found by a keyed hash, so a client cannot choose to share the item of another.
- Two processes that change one item at the same instant may count one change instead of two: too much is admitted, one
  change for each such race. A process that is stopped between its last read and its write, and continues later, gives
  back what was taken in the meantime. A lock would close that gap, and make all clients wait for its holder. A charge
  checks once more that it is stored, since it may be many tokens.
"""

import mmap
import os
import threading
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

_SECOND = 1_000_000_000
_ITEMS = 65_536
_SIZE = _ITEMS * 8
_SALT_BYTES = 16
_KNOWN_AT_MOST = 4096
_LOOKS = 3


class Grant(NamedTuple):
    """The decision on one request.

    :ivar remaining: how many more would be admitted at once; 0 also for a bucket below zero.
    :ivar retry_after_ns: when the next one would be admitted; 0 if this one was.
    :ivar full_after_ns: when the bucket will be full again.
    """

    allowed: bool
    remaining: int
    retry_after_ns: int
    full_after_ns: int


class SharedItems:
    """The memory of the buckets: a salt and a fixed number of items, in a file or private to this process."""

    def __init__(self, path: Path | None = None) -> None:
        """Map a file that ``make`` has created. :raises OSError: it does not exist, or cannot be opened."""
        if path is None:
            self._map = mmap.mmap(-1, _SIZE + _SALT_BYTES)
            self._map[_SIZE:] = os.urandom(_SALT_BYTES)
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                self._map = mmap.mmap(descriptor, _SIZE + _SALT_BYTES)
            except ValueError as error:
                raise OSError(f"{path} is too short") from error
            finally:
                os.close(descriptor)
        self.salt = bytes(self._map[_SIZE:])
        self.items = memoryview(self._map)[:_SIZE].cast("Q")

    @staticmethod
    def make(path: Path) -> None:
        """Create the file, fully allocated: a full disk under a mapping is SIGBUS. :raises OSError: no space."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _SIZE + _SALT_BYTES)
            os.pwrite(descriptor, os.urandom(_SALT_BYTES), _SIZE)
        finally:
            os.close(descriptor)


class TokenBuckets:
    """Admits ``burst`` requests of a client at once, and ``rate`` a second in the long run.

    The cost of a request beyond its first token is charged once it is known, and may take the bucket below zero: a
    client whose bucket is not empty may send anything, and then waits until the bucket is above zero again.
    """

    def __init__(self, rate: int, burst: int, shared: SharedItems, now_ns: Callable[[], int]) -> None:
        """:param now_ns: nanoseconds on a monotonic clock that all processes share."""
        self.rate, self.burst = rate, burst
        # Rounded up: a little slower than the rate, never faster.
        self._interval = -(-_SECOND // rate)
        self._capacity = self._interval * burst
        self._items, self._salt = shared.items, shared.salt
        self._shared = shared
        self._now = now_ns
        self._guard = threading.Lock()
        self._known: dict[str, int] = {}

    def take(self, client: str) -> Grant:
        """Take one token from the bucket of a client, if there is one. Never waits."""
        place = self._known.get(client)
        if place is None:
            place = self._place_of(client)
        with self._guard:
            now = self._now()
            before = self._items[place]
            full_at = (before if before > now else now) + self._interval
            room = now + self._capacity - full_at
            # Read again: another process may have advanced it, and it must not go back.
            if room >= 0 and self._items[place] < full_at:
                self._items[place] = full_at
        if room < 0:
            return Grant(False, 0, -room, before - now)
        return Grant(True, room // self._interval, 0, full_at - now)

    def charge(self, client: str, tokens: int) -> Grant:
        """Take further tokens of an admitted client, even below zero. Never waits."""
        place = self._place_of(client)
        with self._guard:
            now = self._now()
            full_at = self._raised(place, now, tokens * self._interval)
        return Grant(True, max(0, now + self._capacity - full_at) // self._interval, 0, full_at - now)

    def _raised(self, place: int, now: int, by: int) -> int:
        """Advance an item, and check that no process has reset it to the previous value."""
        for _ in range(_LOOKS):
            before = self._items[place]
            full_at = (before if before > now else now) + by
            self._items[place] = full_at
            if self._items[place] >= full_at:
                break
        return full_at

    def _place_of(self, client: str) -> int:
        digest = blake2b(client.encode(errors="replace"), digest_size=8, key=self._salt).digest()
        place = int.from_bytes(digest) % _ITEMS
        if len(self._known) >= _KNOWN_AT_MOST:
            self._known.clear()
        self._known[client] = place
        return place
