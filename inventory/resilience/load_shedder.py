"""Load shedder: when more is waiting than can be done in time, some of those who come next are told so at once."""

from collections.abc import Callable
from itertools import count


class LoadShedder:
    """Sheds while more than ``limit`` wait: every second one, and all that would take the last thread.

    A request is looked at only when a thread takes it up, so shedding is no way around the queue. It only shortens
    the queue where a refusal is cheaper, and it is half of a change: most of either is reading and answering HTTP.
    Whoever comes back at once is in the queue again, and what refusals cost is missing for changes. Refusing each
    one while half of the threads were at work left 0.11 to 0.35 of the changes for the same processor time; each one
    always, 27 to 1,200 of 17,000. With every second one it was 0.40 to 0.77.

    The last thread takes up no change meanwhile: where a change keeps its thread until it is made, a disk that hangs
    would have them all, and somebody must say so and answer reads. And while changes have less than half of the
    threads, it is not they who fill the queue for a thread; changes that wait without one are counted by themselves.
    """

    def __init__(self, limit: int, threads: int, at_work: Callable[[], int]) -> None:
        """:param at_work: how many threads are at work on what may be shed, without the one that asks."""
        self.limit = limit
        self._threads = threads
        self._at_work = at_work
        self._queues: tuple[Callable[[], int], ...] = ()
        self._of_changes: tuple[Callable[[], int], ...] = ()
        self._turns = count()

    def watch(self, queue: Callable[[], int], *, only_changes: bool = False) -> None:
        """Count what waits there too."""
        self._queues += (queue,)
        if only_changes:
            self._of_changes += (queue,)

    def waiting(self) -> int:
        """How much waits, over all queues."""
        return sum([queue() for queue in self._queues])

    def sheds(self) -> bool:
        """Whether whoever asks, a thread of its own, is to be refused."""
        if self.waiting() <= self.limit:
            return False
        at_work = self._at_work() + 1
        if 2 * at_work < self._threads and sum([queue() for queue in self._of_changes]) <= self.limit:
            return False
        return at_work >= self._threads > 1 or next(self._turns) % 2 == 0
