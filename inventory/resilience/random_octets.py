"""Random octets, many with one system call: each call gives the interpreter lock to another thread."""

import os
from collections import deque

SIZE = 16
_AT_ONCE = 256
_pieces: deque[bytes] = deque()
# A forked child would hand out what its parent does.
os.register_at_fork(after_in_child=_pieces.clear)


def random_octets() -> bytes:
    """Return SIZE octets of the system's generator, which nobody else is given. Any thread may call it."""
    while True:
        try:
            return _pieces.pop()
        except IndexError:
            block = os.urandom(SIZE * _AT_ONCE)
            _pieces.extend([block[at : at + SIZE] for at in range(0, len(block), SIZE)])
