"""Folds the log and compares the result with the derived files (``inventory verify``), or with a live state."""

from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inventory.domain.state import State
from inventory.eventlog.archive import unpacked_size
from inventory.eventlog.data_folder import unfinished_restore
from inventory.eventlog.errors import EventsMissing, LogDamaged, StateUnusable
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.eventlog.log_reader import START
from inventory.eventlog.published_views import published_sequence
from inventory.eventlog.replica import replay
from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.eventlog.snapshot import NotASnapshot, Restored, restore_image
from inventory.eventlog.timeline import restore_snapshot
from inventory.verification.derived_files import derived_files
from inventory.verification.drift import DriftReport, drift_between, other_ids

FROM_THE_BEGINNING = 1_000_000
"""An audit folds a log of up to this many events from its beginning, and a longer one from its oldest snapshot."""
_FORGET_EVERY = 4096


@dataclass(frozen=True, slots=True)
class Verification:
    """The result; ``problems`` and ``drift`` are empty if everything matches.

    :ivar from_sequence: the first event that was folded; the state before it came from a snapshot.
    :ivar notes: remarks that are not problems.
    """

    checked_sequence: int
    from_sequence: int
    problems: list[str]
    drift: DriftReport
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything matches."""
        return not self.problems and not self.drift.count

    def as_json(self) -> dict[str, Any]:
        """The result as commands and the API show it."""
        return {
            "ok": self.ok,
            "checkedSequence": self.checked_sequence,
            "fromSequence": self.from_sequence,
            "drift": self.drift.shown,
            "driftCount": self.drift.count,
            "problems": self.problems,
        }


def verify(layout: Layout, *, progress: Progress | None = None) -> Verification:
    """Check every chain, fold every event, and compare what is derived with the fold of its sequence.

    Changes nothing and may run beside servers; events committed after the call are not checked.

    :raises OSError: a file cannot be read.
    """
    drift = DriftReport()
    # The derived files first: the log is read later, so it reaches at least as far.
    derived = derived_files(layout, drift)
    end = _end(layout)
    if end is None:
        return Verification(0, 0, [unfinished_restore(layout) or f"no event log in {layout.root}"], drift)
    problems: list[str] = []
    done = 0

    def folded(state: State, size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, everything)
        for file in derived:
            file.compare(state)

    state, first = State(), 1
    try:
        base = _base(layout)
        state, everything = base.state, _bytes_to_read(layout, base.cursor.position, end)
        first = state.sequence + 1
        for file in derived:
            file.compare(state)
        replay(layout, base.cursor, end, state, folded)
    except LogDamaged as error:
        problems.append(str(error))
    else:
        # Not after damage: nothing was folded there to compare them with.
        for file in derived:
            problems.extend(file.problems())
    notes = [note for file in derived for note in file.notes()]
    return Verification(state.sequence, first, [*problems, *_broken(state)], drift, notes)


def audit(layout: Layout, image: Path, *, from_the_beginning: int = FROM_THE_BEGINNING) -> Verification:
    """Compare an image of a live state with a fold of the log up to its sequence. May run beside servers.

    :raises NotASnapshot: the file is not an image. :raises OSError: a file cannot be read.
    """
    live, drift = restore_image(image), DriftReport()
    end = live.cursor.position
    state, first = State(), 1
    problems: list[str] = []
    try:
        base = _base(layout, up_to=end.sequence, from_the_beginning=from_the_beginning)
        state, first = base.state, base.state.sequence + 1
        reached = replay(layout, base.cursor, end, state, _forget_keys)
    except LogDamaged as error:
        problems.append(str(error))
    else:
        if reached.chain != live.cursor.chain:
            problems.append(f"up to event {end.sequence}, the log is not the one that the live state was built from")
        if (told := other_ids(live.state, state)) is not None:
            problems.append(f"the live state {told}")
        drift.add(drift_between(live.state, state))
    return Verification(state.sequence, first, [*problems, *_broken(state)], drift)


def _broken(state: State) -> list[str]:
    return [
        f"{item.sku} in {item.store}: event {at.sequence} does not continue the record's history; "
        "'inventory dead-letters' settles it"
        for item, at in state.broken.items()
    ]


def _forget_keys(state: State, _: int) -> None:
    """Forget expired keys: keys are not compared, so they need not stay in memory."""
    if not state.sequence % _FORGET_EVERY:
        while state.keys.forget_expired(state.last_at):
            pass


def _base(layout: Layout, up_to: int = 0, from_the_beginning: int = 0) -> Restored:
    """The state to fold on: empty, or the oldest snapshot if the archive no longer reaches back to the beginning.

    Also the oldest snapshot if more than ``from_the_beginning`` events would be folded ``up_to`` a sequence.

    :raises LogDamaged: the beginning of the log is missing, and there is no snapshot.
    """
    reaches_back = layout.reaches_back()
    if reaches_back and up_to <= from_the_beginning:
        return Restored(State(), START, None)
    for sequence in layout.snapshot_sequences():
        try:
            if sequence <= up_to or not up_to:
                return restore_snapshot(layout, sequence)
        except (NotASnapshot, OSError):
            continue
    if reaches_back:
        return Restored(State(), START, None)
    there = [*layout.segments(), *layout.archived_segments()]
    reason = "the beginning of the log is missing, and there is no snapshot"
    raise EventsMissing(layout.segment(1), 1, 0, reason, 1, min(there) - 1 if there else None)


def _bytes_to_read(layout: Layout, begin: Position, end: Position) -> int:
    sealed = [
        layout.segment(first).stat().st_size for first in layout.segments() if begin.segment <= first < end.segment
    ]
    packed = [unpacked_size(layout.archived(first)) for first in layout.archived_segments() if first >= begin.segment]
    return sum(sealed) + sum(packed) + end.offset


def _end(layout: Layout) -> Position | None:
    """The end of the log by the committed index, or by the files if there is no header; ``None`` without a log."""
    segments = layout.segments()
    if not segments:
        return None
    # The shared header is derived: the next start replaces an unusable one from the files.
    with (
        suppress(StateUnusable, PermissionError),
        closing(SharedHeader(layout.shared_header, read_only=True)) as shared,
    ):
        # A header that is behind the derived files is not the one that they were derived with.
        derived = max([published_sequence(layout), *layout.snapshot_sequences()])
        published = shared.published()
        if shared.is_made and published.segment in segments and published.sequence >= derived:
            return published
    return Position(segments[-1], layout.segment(segments[-1]).stat().st_size, 0)
