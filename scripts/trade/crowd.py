"""Many clients at once, with a line of progress on stderr if that is a terminal."""

import io
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def crowd(
    act: Callable[[T], R], work: Iterable[T], clients: int, label: str, stop: Callable[[], None] = lambda: None
) -> list[R]:
    """Do all of ``work``, ``clients`` at a time, in no particular order; returns the results in the order of ``work``.

    What one raises, and Ctrl-C, ends it all and is raised here: nothing more is begun then, ``stop`` is called once
    so that no client waits any longer, and what is under way ends first.
    """
    items = list(work)
    done, guard = 0, threading.Lock()
    stopped = threading.Event()

    def end() -> None:
        if not stopped.is_set():
            stopped.set()
            stop()

    def one(item: T) -> R | None:
        nonlocal done
        if stopped.is_set():
            return None
        try:
            result = act(item)
        except BaseException:
            end()
            raise
        with guard:
            done += 1
            _tell(label, done, len(items))
        return result

    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(one, item) for item in items]
        try:
            return [future.result() for future in futures]  # type: ignore[misc]
        except BaseException:
            end()
            raise


def say(text: str) -> None:
    """Tell something on the way, on stderr if it can be written: a run does not end for want of a listener."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        # What is left in its buffer would give the run another exit status.
        sys.stderr = io.StringIO()


def _tell(label: str, done: int, of: int) -> None:
    if sys.stderr is not None and sys.stderr.isatty() and (done % 50 == 0 or done == of):
        say(f"\r{label}: {done:,} of {of:,}" + ("\n" if done == of else ""))
