"""Progress bars: on stderr, and only where a person looks at it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import click

Progress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Give something to call with what is done and what there is in all; draws a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress
