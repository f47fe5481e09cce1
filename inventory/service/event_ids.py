"""Event ids. Random octets are read in bulk: each system call gives the interpreter lock to another thread."""

import os
from collections import deque
from functools import lru_cache

from inventory.domain.values import Instant

SIZE = 16
_AT_ONCE = 256
_pieces: deque[bytes] = deque()
# A forked child would use the same octets as its parent.
os.register_at_fork(after_in_child=_pieces.clear)


def random_octets() -> bytes:
    """Return SIZE octets of the system's generator, each only once. Any thread may call it."""
    while True:
        try:
            return _pieces.pop()
        except IndexError:
            block = os.urandom(SIZE * _AT_ONCE)
            _pieces.extend([block[at : at + SIZE] for at in range(0, len(block), SIZE)])


def uuid7(now: Instant) -> str:
    """Make an id that sorts by its millisecond; 74 of its bits are random."""
    octets = random_octets()
    digits = octets.hex()
    return f"{_beginning(now // 1000)}{digits[:3]}-{'89ab'[octets[2] & 0b11]}{digits[6:9]}-{digits[9:21]}"


@lru_cache(maxsize=8)
def _beginning(milliseconds: int) -> str:
    """The common beginning of the ids of a millisecond; the events of a commit group share an instant."""
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"
