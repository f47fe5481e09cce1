"""Load shedder: when more is waiting than can be done in time, whoever comes next is told so at once."""

from collections.abc import Callable


class LoadShedder:
    """Sheds while more than ``limit`` wait and at least half of the threads are at work on what may be shed.

    The second half matters: a request is looked at only when a thread takes it up, so while the queue is long *every*
    request that is taken up would be shed, and nothing done. That was measured: 27 to 1,200 accepted of 17,000.
    """

    def __init__(self, limit: int, threads: int, at_work: Callable[[], int]) -> None:
        """:param at_work: how many threads are at work on what may be shed, without the one that asks."""
        self.limit = limit
        self._threads = threads
        self._at_work = at_work
        self._queues: tuple[Callable[[], int], ...] = ()

    def watch(self, queue: Callable[[], int]) -> None:
        """Count what waits there too."""
        self._queues += (queue,)

    def waiting(self) -> int:
        """How much waits, over all queues."""
        return sum([queue() for queue in self._queues])

    def sheds(self) -> bool:
        """Whether whoever asks, a thread of its own, is to be refused."""
        return 2 * (self._at_work() + 1) >= self._threads and self.waiting() > self.limit
