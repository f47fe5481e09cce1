"""``inventory verify``: the whole log folded anew and compared with what was made of it."""

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from inventory.bootstrap.build import layout_of
from inventory.bootstrap.prepare import Progress
from inventory.domain.state import State
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.listing import snapshot_of
from inventory.eventlog.replica import replay
from inventory.eventlog.shared_state import Position, SharedState
from inventory.eventlog.views import CENTRAL_VIEW, STORE_VIEW, View, document
from inventory.resilience.atomic_file import read_file
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.settings import Settings


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``problems`` is empty if everything adds up."""

    checked_sequence: int
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return not self.problems


def verify(settings: Settings, *, progress: Progress | None = None) -> Verification:
    """Check every chain, fold every event, and compare the published views with the fold of their sequence.

    Changes nothing and may run beside servers; what is committed after the call is not looked at.

    :raises OSError: a file cannot be read.
    """
    layout = layout_of(settings)
    # The views first: whatever sequence they are of, the log then reaches at least as far.
    published = [_Published(view, layout) for view in (STORE_VIEW, CENTRAL_VIEW)]
    end = _end(layout)
    if end is None:
        return Verification(0, [f"there is no event log in {layout.root}"])
    problems: list[str] = []
    sizes = [layout.segment(segment).stat().st_size for segment in layout.segments() if segment < end.segment]
    done, everything = 0, sum(sizes) + end.offset

    def folded(state: State, size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, everything)
        for view in published:
            view.compare(state)

    state = State()
    try:
        for view in published:
            view.compare(state)
        replay(layout, end, state, folded)
    except LogDamaged as error:
        problems.append(str(error))
    for item, sequence in state.broken.items():
        problems.append(f"{item.sku} in {item.store}: event {sequence} does not continue the record's history")
    for view in published:
        problems.extend(view.problems())
    return Verification(state.sequence, problems)


class _Published:
    """One published file, compared with the state when that has reached the file's sequence."""

    def __init__(self, view: View, layout: Layout) -> None:
        self._view = view
        self._path: Path = view.path(layout)
        self._content = _content(self._path)
        self._sequence: int | None = None
        self._differs = False
        if self._content is not None:
            try:
                self._sequence = orjson.loads(self._content)["asOfSequence"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                self._differs = True

    def compare(self, state: State) -> None:
        """Compare, if this is the sequence that the file is of."""
        if state.sequence == self._sequence:
            self._differs = b"".join(document(self._view, snapshot_of(state))) != self._content
            self._sequence = None

    def problems(self) -> list[str]:
        """What is wrong with the file; a missing one is published by the next sync pass."""
        if self._differs:
            return [f"{self._path} does not hold what the log says; 'inventory sync --force' publishes it again"]
        if self._sequence is not None:
            return [f"{self._path} is of event {self._sequence}, which the log does not have"]
        return []


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path, disk=Disk(), retry=RetryPolicy())
    except FileNotFoundError:
        return None


def _end(layout: Layout) -> Position | None:
    """The end of what is published, or of the files where no marks say so; ``None`` without a log."""
    segments = layout.segments()
    if not segments:
        return None
    if layout.shared_state.exists() and os.access(layout.shared_state, os.W_OK):
        shared = SharedState(layout.shared_state)
        try:
            if shared.is_made and shared.published().segment in segments:
                return shared.published()
        finally:
            shared.close()
    return Position(segments[-1], layout.segment(segments[-1]).stat().st_size, 0)
