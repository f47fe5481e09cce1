"""How much work something is, in steps that are the same on every machine: lines of Python that were run."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """Run ``work`` in this thread and count the lines that it runs, in whatever it calls. Threads it wakes are not."""
    counted = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal counted
        counted += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted
