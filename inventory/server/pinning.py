"""One core for each worker: a Python process whose threads wander over cores loses half its speed."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

_PROC = Path("/proc")


def pinned_processes() -> Counter[int]:
    """Count, for each core, the programs on this machine that may run on no other."""
    counts: Counter[int] = Counter()
    try:
        processes = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return counts
    for pid in processes:
        try:
            cores = os.sched_getaffinity(pid)
            # The kernel's own threads are tied to a core too; they have no command line.
            if len(cores) == 1 and (_PROC / str(pid) / "cmdline").read_bytes():
                counts.update(cores)
        except OSError:
            continue  # it has ended meanwhile
    return counts


class CorePlan:
    """Chooses a core for each worker. Asked by the master before it forks, so no two workers can race."""

    def __init__(
        self, mode: str, cores: Collection[int], pinned: Callable[[], Counter[int]] = pinned_processes
    ) -> None:
        """:param mode: ``auto`` pins unless there are more workers than cores; ``on`` and ``off`` always or never do.
        :param cores: those that the master may run on.
        """
        self._mode = mode
        self._cores = sorted(cores)
        self._pinned = pinned

    def core_for_next(self, taken: Iterable[int | None], workers: int) -> int | None:
        """Return the core that the fewest live workers use; ``None`` where the worker is to run anywhere.

        Equally used ones are told apart by what other servers on this machine have pinned.

        :param taken: the cores of the live workers.
        :param workers: how many there are to be.
        """
        if self._mode == "off" or (self._mode == "auto" and workers > len(self._cores)):
            return None
        ours = Counter(core for core in taken if core is not None)
        others = self._pinned() if len(self._cores) > 1 else Counter[int]()
        return min(self._cores, key=lambda core: (ours[core], others[core], core))


def pin(core: int) -> None:
    """Tie the calling thread, and every thread that it starts from now on, to one core.

    :raises OSError: the machine no longer lets this process run there.
    """
    os.sched_setaffinity(0, {core})
