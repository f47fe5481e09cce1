"""Event ids: UUID version 7 (RFC 9562 section 5.7), which the standard library has from Python 3.14 on."""

from functools import lru_cache

from inventory.domain.values import Instant
from inventory.resilience.random_octets import random_octets


def uuid7(now: Instant) -> str:
    """Make an id that sorts by the millisecond it was made in; 74 of its bits are random."""
    octets = random_octets()
    digits = octets.hex()
    return f"{_beginning(now // 1000)}{digits[:3]}-{'89ab'[octets[2] & 0b11]}{digits[6:9]}-{digits[9:21]}"


@lru_cache(maxsize=8)
def _beginning(milliseconds: int) -> str:
    """What the ids of a millisecond have in common; those of a batch share an instant."""
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"
