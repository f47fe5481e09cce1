"""Each worker takes its share of the connections: one that has clearly more than another lets that one accept first.

All workers of a server are told of a client that waits, and the one that runs first takes it, again and again: of 64
clients that came at once, one of two workers took all. Connections stay, so that lasts.
"""

import mmap
import time
from collections.abc import Callable, Iterator

_ITEM = 8
_PER_SLOT = 2
_SPARE_SLOTS = 8
PATIENCE_SECONDS = 0.01
"""How long a client is left to others at most, before it is accepted all the same."""
_LOOK_SECONDS = 0.001
"""How often a worker that leaves a client to others looks whether it is to accept again."""
_AT_A_TIME = 16
"""How many clients a worker accepts while another does no round of its main loop."""
_WAITS_IN_VAIN = 5
"""How often a client is left to a worker that does no round meanwhile."""
_MARGIN, _MARGIN_SHARE = 4, 8


class ConnectionCounts:
    """How many connections each worker of one server has: in memory that the master makes before it forks.

    Each worker writes its own slot alone, in aligned items of 8 bytes, so a reader sees each whole.
    """

    def __init__(self, workers: int) -> None:
        # While a reload replaces them, there are twice as many.
        self.slots = 2 * workers + _SPARE_SLOTS
        self._memory = mmap.mmap(-1, self.slots * _PER_SLOT * _ITEM)
        self._items = memoryview(self._memory).cast("Q")
        self._taken: set[int] = set()

    def take_slot(self) -> int | None:
        """Return a slot for the worker that is forked next; ``None`` where there is none. Called by the master."""
        slot = next((slot for slot in range(self.slots) if slot not in self._taken), None)
        if slot is not None:
            self._taken.add(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """Its worker has ended. Called by the master."""
        self.write(slot, None)
        self._taken.discard(slot)

    def write(self, slot: int, connections: int | None) -> None:
        """Note how many connections a worker has, after a round of its main loop; ``None`` where it accepts no more."""
        # 0 says that the worker accepts no connections.
        self._items[slot * _PER_SLOT] = 0 if connections is None else connections + 1
        self._items[slot * _PER_SLOT + 1] += 1

    def accepting(self) -> Iterator[tuple[int, int, int]]:
        """Yield slot, connections, and rounds so far of each worker that accepts."""
        for slot in range(self.slots):
            accepts, rounds = self._items[slot * _PER_SLOT], self._items[slot * _PER_SLOT + 1]
            if accepts:
                yield slot, accepts - 1, rounds


class ConnectionShare:
    """Whether a worker accepts the client that waits, or leaves it to others, which run as soon as they can.

    It leaves a client to those with clearly fewer connections, and to those that have done no round while it accepted
    several: what they have told of themselves is old. It does so for ``PATIENCE_SECONDS`` at most. One that has done no
    round in five such waits (it has died, is stopped, or is busy) is left nothing more until it does its next one: so a
    worker that is gone delays a few clients, and not each. For the main thread.

    :ivar count_deferred: called for each client that is left to others.
    """

    def __init__(self, counts: ConnectionCounts, slot: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._counts, self._slot, self._monotonic = counts, slot, monotonic
        self.count_deferred: Callable[[], None] = lambda: None
        self._connections = 0
        self._waits_until: float | None = None
        self._is_overdue = False
        # Of other workers by slot, with the round since which it counts: how many clients were accepted here, and how
        # many were left to it in vain.
        self._accepted: dict[int, tuple[int, int]] = {}
        self._in_vain: dict[int, tuple[int, int]] = {}

    def note(self, connections: int) -> None:
        """Tell the others how many connections this worker has; after each round."""
        self._connections = connections
        self._counts.write(self._slot, connections)

    def leave(self) -> None:
        """Tell the others that it accepts no more."""
        self._counts.write(self._slot, None)

    def leaves_to_others(self) -> bool:
        """A client waits: whether it is left to others, from now on. If so, ask ``waits`` before listening again."""
        if self._is_overdue:
            # It was left to others for as long as may be.
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
        """See ``note``; and a client that was left to others for so long, and is not there now, one of them has."""
        self._is_overdue = False
        self.note(connections)

    def _others(self) -> Iterator[tuple[int, int, int]]:
        return (found for found in self._counts.accepting() if found[0] != self._slot)

    def _first(self) -> dict[int, int]:
        """The workers that are to accept before this one, by slot, with the rounds that they have done."""
        found = {}
        for slot, connections, rounds in self._others():
            has_fewer = self._connections > connections + _MARGIN + connections // _MARGIN_SHARE
            is_behind = self._accepted.get(slot, (rounds, 0)) >= (rounds, _AT_A_TIME)
            is_gone = self._in_vain.get(slot, (rounds, 0)) >= (rounds, _WAITS_IN_VAIN)
            if (has_fewer or is_behind) and not is_gone:
                found[slot] = rounds
        return found


def _count(since: dict[int, tuple[int, int]], slot: int, rounds: int) -> None:
    """Count one more since a worker's latest round."""
    known, times = since.get(slot, (rounds, 0))
    since[slot] = rounds, times + 1 if known == rounds else 1
