"""``inventory verify``: the whole log folded anew and compared with what was made of it."""

import os
from dataclasses import dataclass
from pathlib import Path

from inventory.bootstrap.build import layout_of
from inventory.bootstrap.derived import derived_files
from inventory.bootstrap.prepare import Progress
from inventory.domain.state import State
from inventory.eventlog.errors import LogDamaged, StateUnusable
from inventory.eventlog.layout import Layout
from inventory.eventlog.reader import START
from inventory.eventlog.replica import replay
from inventory.eventlog.restore import NotASnapshot, Restored, restore_image
from inventory.eventlog.shared_state import Position, SharedState
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
    """Check every chain, fold every event, and compare what is derived with the fold of its sequence.

    Changes nothing and may run beside servers; what is committed after the call is not looked at.

    :raises OSError: a file cannot be read.
    """
    layout = layout_of(settings)
    # The derived files first: whatever sequence they are of, the log then reaches at least as far.
    derived = derived_files(layout)
    end = _end(layout)
    if end is None:
        return Verification(0, [f"there is no event log in {layout.root}"])
    problems: list[str] = []
    done = 0

    def folded(state: State, size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, everything)
        for file in derived:
            file.compare(state)

    state = State()
    try:
        base = _base(layout)
        state, everything = base.state, _bytes_to_read(layout, base.cursor.position, end)
        for file in derived:
            file.compare(state)
        replay(layout, base.cursor, end, state, folded)
    except LogDamaged as error:
        problems.append(str(error))
    else:
        # Not behind damage: nothing was folded there that they could be compared with.
        for file in derived:
            problems.extend(file.problems())
    for item, at in state.broken.items():
        what = f"event {at.sequence} does not continue the record's history"
        problems.append(f"{item.sku} in {item.store}: {what}; 'inventory dead-letters' settles it")
    return Verification(state.sequence, problems)


def _base(layout: Layout) -> Restored:
    """What to fold on: nothing, or the oldest snapshot where the archive no longer reaches back to the beginning.

    :raises LogDamaged: neither is there.
    """
    if layout.reaches_back():
        return Restored(State(), START, None)
    for sequence in layout.snapshot_sequences():
        try:
            return restore_image(layout.snapshot(sequence))
        except (NotASnapshot, OSError):
            continue
    raise LogDamaged(layout.segment(1), 1, 0, "the beginning of the log is missing, and there is no snapshot")


def _bytes_to_read(layout: Layout, begin: Position, end: Position) -> int:
    sealed = [
        layout.segment(first).stat().st_size for first in layout.segments() if begin.segment <= first < end.segment
    ]
    packed = [_unpacked_size(layout.archived(first)) for first in layout.archived_segments() if first >= begin.segment]
    return sum(sealed) + sum(packed) + end.offset


def _unpacked_size(path: Path) -> int:
    # RFC 1952 section 2.3.1: the last four bytes of a gzip file.
    return int.from_bytes(path.read_bytes()[-4:], "little")


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
        except StateUnusable:
            pass  # the marks are derived: the next start makes them anew from the files
        finally:
            shared.close()
    return Position(segments[-1], layout.segment(segments[-1]).stat().st_size, 0)
