"""One core for each worker: a Python process whose threads move between cores loses half its speed."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

_PROC = Path("/proc")


def pinned_processes() -> Counter[int]:
    """Count, for each core, the programs on this host that may run only there."""
    counts: Counter[int] = Counter()
    try:
        processes = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return counts
    for pid in processes:
        try:
            cores = os.sched_getaffinity(pid)
            # Threads of the kernel are pinned too; they have no command line.
            if len(cores) == 1 and (_PROC / str(pid) / "cmdline").read_bytes():
                counts.update(cores)
        except OSError:
            continue  # it has ended in the meantime
    return counts


class CorePlan:
    """Chooses a core for each worker. The master asks it before it forks, so workers cannot race."""

    def __init__(
        self, mode: str, cores: Collection[int], pinned: Callable[[], Counter[int]] = pinned_processes
    ) -> None:
        """:param mode: ``auto`` pins unless there are more workers than cores; ``on`` always, ``off`` never.
        :param cores: the cores that the master may use.
        """
        self._mode = mode
        self._cores = sorted(cores)
        self._pinned = pinned

    def core_for_next(self, taken: Iterable[int | None], workers: int) -> int | None:
        """Return the core that the fewest live workers use; ``None`` if the worker should run anywhere.

        Of equally used cores, it takes the one that other servers on this host use least.

        :param taken: the cores of the live workers.
        :param workers: the intended number of workers.
        """
        if self._mode == "off" or (self._mode == "auto" and workers > len(self._cores)):
            return None
        ours = Counter(core for core in taken if core is not None)
        others = self._pinned() if len(self._cores) > 1 else Counter[int]()
        return min(self._cores, key=lambda core: (ours[core], others[core], core))


def pin(core: int) -> None:
    """Pin the calling thread, and every thread that it starts from now on, to one core.

    :raises OSError: the host no longer allows this process to run there.
    """
    os.sched_setaffinity(0, {core})
