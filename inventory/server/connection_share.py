"""Even shares of connections: a worker that has clearly more than another lets that one accept first.

The kernel tells all workers of a server about a waiting client, and the worker that runs first accepts it, again and
again: of 64 clients that connected at once, one of two workers accepted all. Connections stay, so this lasts.
"""

import mmap
import time
from collections.abc import Callable

_ITEM = 8
_PER_SLOT = 2
_SPARE_SLOTS = 8
PATIENCE_SECONDS = 0.01
"""How long, at most, a client is left to other workers before this one accepts it."""
_LOOK_SECONDS = 0.001
"""How often a worker that leaves a client to others checks whether to accept it."""
_AT_A_TIME = 16
"""How many clients a worker accepts while another completes no round of its main loop."""
_WAITS_IN_VAIN = 5
"""How often a client is left to a worker that completes no round meanwhile."""
_MARGIN, _MARGIN_SHARE = 4, 8


class ConnectionCounts:
    """The number of connections of each worker of a server, in memory that the master maps before it forks.

    Each worker writes only its own slot, in aligned items of 8 bytes, so reads and writes are atomic.
    """

    def __init__(self, workers: int) -> None:
        # While a reload replaces them, there are twice as many.
        self.slots = 2 * workers + _SPARE_SLOTS
        self._memory = mmap.mmap(-1, self.slots * _PER_SLOT * _ITEM)
        self._items = memoryview(self._memory).cast("Q")
        self._taken: set[int] = set()

    def take_slot(self) -> int | None:
        """Return a slot for the worker that is forked next; ``None`` if there is none. The master calls it."""
        slot = next((slot for slot in range(self.slots) if slot not in self._taken), None)
        if slot is not None:
            self._taken.add(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """Free the slot of a worker that has ended. The master calls it."""
        self.write(slot, None)
        self._taken.discard(slot)

    def write(self, slot: int, connections: int | None) -> None:
        """Write the connections of a worker, after a round of its main loop; ``None`` if it no longer accepts any."""
        # 0 means that the worker accepts no connections.
        self._items[slot * _PER_SLOT] = 0 if connections is None else connections + 1
        self._items[slot * _PER_SLOT + 1] += 1

    def accepting(self) -> list[tuple[int, int, int]]:
        """Return slot, connections, and rounds so far of each worker that accepts."""
        items = self._items.tolist()
        pairs = zip(range(self.slots), items[::_PER_SLOT], items[1::_PER_SLOT], strict=True)
        return [(slot, accepts - 1, rounds) for slot, accepts, rounds in pairs if accepts]


class ConnectionShare:
    """Decides whether a worker accepts a waiting client, or leaves it to other workers, which run as soon as they can.

    It leaves a client to workers with clearly fewer connections, and to those that completed no round while it accepted
    several, since their counts are old; for at most ``PATIENCE_SECONDS``. A worker that completed no round in five such
    waits (it has died, is stopped, or is busy) gets no more clients until its next round: so a dead worker delays a few
    clients, not every one. For the main thread.

    :ivar count_deferred: called for each client that is left to others.
    """

    def __init__(self, counts: ConnectionCounts, slot: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._counts, self._slot, self._monotonic = counts, slot, monotonic
        self.count_deferred: Callable[[], None] = lambda: None
        self._connections = 0
        self._waits_until: float | None = None
        self._is_overdue = False
        # For each other worker, by slot: the round since which it counts, with how many clients this worker accepted,
        # and how many it left to that worker in vain.
        self._accepted: dict[int, tuple[int, int]] = {}
        self._in_vain: dict[int, tuple[int, int]] = {}

    def note(self, connections: int) -> None:
        """Publish the number of connections of this worker, after each round."""
        self._connections = connections
        self._counts.write(self._slot, connections)

    def leave(self) -> None:
        """Publish that this worker accepts no more clients; nor does it leave any to others."""
        self._waits_until, self._is_overdue = None, False
        self._counts.write(self._slot, None)

    def leaves_to_others(self) -> bool:
        """Whether to leave the waiting client to others. If so, check ``waits`` before listening again."""
        if self._is_overdue:
            # The client was left to others for the maximum time.
            self._is_overdue = False
            for slot, rounds in self._first().items():
                _count(self._in_vain, slot, rounds)
            return False
        if not self._first():
            return False
        self._waits_until = self._monotonic() + PATIENCE_SECONDS
        self.count_deferred()
        return True

    def accepted(self, connections: int) -> None:
        """See ``note``; after each client."""
        for slot, _, rounds in self._others():
            _count(self._accepted, slot, rounds)
        self.note(connections)

    def waits(self) -> bool:
        """Whether clients are still left to others."""
        if self._waits_until is None:
            return False
        if not self._first():
            self._waits_until = None
        elif self._monotonic() >= self._waits_until:
            self._waits_until, self._is_overdue = None, True
        return self._waits_until is not None

    def seconds_to_wait(self, most: float) -> float:
        """How long the main loop may sleep."""
        if self._is_overdue:
            return 0.0
        return most if self._waits_until is None else min(most, _LOOK_SECONDS)

    def round_is_over(self, connections: int) -> None:
        """See ``note``. A client that was left to others and no longer waits was accepted by one of them."""
        self._is_overdue = False
        self.note(connections)

    def _others(self) -> list[tuple[int, int, int]]:
        return [found for found in self._counts.accepting() if found[0] != self._slot]

    def _first(self) -> dict[int, int]:
        """The workers that should accept before this one, by slot, with their rounds so far."""
        found = {}
        for slot, connections, rounds in self._others():
            has_fewer = self._connections > connections + _MARGIN + connections // _MARGIN_SHARE
            is_behind = self._accepted.get(slot, (rounds, 0)) >= (rounds, _AT_A_TIME)
            is_gone = self._in_vain.get(slot, (rounds, 0)) >= (rounds, _WAITS_IN_VAIN)
            if (has_fewer or is_behind) and not is_gone:
                found[slot] = rounds
        return found


def _count(since: dict[int, tuple[int, int]], slot: int, rounds: int) -> None:
    """Count one more since the latest round of a worker."""
    known, times = since.get(slot, (rounds, 0))
    since[slot] = rounds, times + 1 if known == rounds else 1
