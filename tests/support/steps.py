"""The cost of a call in steps that are the same on every machine: executed lines of Python."""

import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """Run ``work`` in this thread and count the lines that it runs, in whatever it calls. Threads it wakes are not."""
    with StepsOfThreads() as counted:
        return counted.of(work)


class StepsOfThreads:
    """Counts the lines that this thread runs, and those that the threads run that are started inside the ``with``."""

    def __init__(self) -> None:
        self._lines = 0

    def __enter__(self) -> "StepsOfThreads":
        self._before = threading.gettrace()
        threading.settrace(self._trace)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        threading.settrace(self._before)  # type: ignore[arg-type]

    def of(self, work: Callable[[], object]) -> int:
        """Count what is run while ``work`` is."""
        before, begun = sys.gettrace(), self._lines
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(before)
        return self._lines - begun

    def _trace(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        self._lines += event == "line"
        return self._trace
