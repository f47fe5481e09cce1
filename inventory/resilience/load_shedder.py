"""Load shedder: refuses some changes at once while more work is waiting than can be done in time."""

from collections.abc import Callable
from itertools import count


class LoadShedder:
    """Sheds while more than ``limit`` wait: every second change, and all that would occupy the last thread.

    A request is read only when a thread takes it from the queue, so shedding does not bypass the queue. It shortens
    the queue only as far as a refusal is cheaper, and a refusal costs half a change: most of either is reading and
    answering HTTP. A client that retries at once is in the queue again, and refusals take processor time from changes.
    With the same processor time, refusing every change while half of the threads were busy left 0.11 to 0.35 of the
    changes; refusing every change always, 27 to 1,200 of 17,000; refusing every second change, 0.40 to 0.77.

    The last thread never takes a change meanwhile: if changes keep their threads until the commit, a disk that hangs
    would block all of them, and a thread is needed for refusals and reads. While changes occupy less than half of the
    threads, they are not what fills the queue for a thread; changes that wait without a thread are counted separately.
    """

    def __init__(self, limit: int, threads: int, at_work: Callable[[], int]) -> None:
        """:param at_work: the number of threads that work on changes, without the calling one."""
        self.limit = limit
        self._threads = threads
        self._at_work = at_work
        self._queues: tuple[Callable[[], int], ...] = ()
        self._of_changes: tuple[Callable[[], int], ...] = ()
        self._turns = count()

    def watch(self, queue: Callable[[], int], *, only_changes: bool = False) -> None:
        """Also count what waits in this queue."""
        self._queues += (queue,)
        if only_changes:
            self._of_changes += (queue,)

    def waiting(self) -> int:
        """The length of all queues together."""
        return sum([queue() for queue in self._queues])

    def sheds(self) -> bool:
        """Whether to refuse the change of the calling thread."""
        if self.waiting() <= self.limit:
            return False
        at_work = self._at_work() + 1
        if 2 * at_work < self._threads and sum([queue() for queue in self._of_changes]) <= self.limit:
            return False
        return at_work >= self._threads > 1 or next(self._turns) % 2 == 0
