"""Run tasks in parallel, at most so many at once, for tests of concurrency."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_parallel(tasks: Sequence[Callable[[], T]], *, at_once: int) -> list[T]:
    """Run every task, at most ``at_once`` at a time; return the results in the order of the tasks.

    Every task has ended when this returns.

    :raises Exception: the error of the first failed task, in that order.
    """
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        futures = [pool.submit(task) for task in tasks]
    return [future.result() for future in futures]
